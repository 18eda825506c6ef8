/** The files a build may see, in memory; nothing else exists for the engine. */
export interface View {
  /** Slash-separated paths relative to the view's root (`apps/web/kustomization.yaml`). */
  readonly files: ReadonlyMap<string, Uint8Array>
  /** The directory to build; `''` is the view's root. */
  readonly path: string
  /** A custom OpenAPI schema is global state of the engine: such a build gets a process that ends afterwards. */
  readonly ownProcess: boolean
  /** Holds decrypted files: an engine that writes the view down may do so in memory-backed storage only. */
  readonly secret?: boolean
}

/** One object of a build, in the order of the build. */
export interface BuiltObject {
  /** Compact JSON, numbers as written (never parsed as JavaScript numbers on the way). */
  readonly json: string
  /** The same object as Go prints it: keys sorted. Variable substitution works on this text. */
  readonly yaml: string
}

export interface BuildLimits {
  /** Wall clock, from the moment a process begins with this view. */
  readonly deadlineMs: number
  readonly signal?: AbortSignal | undefined
}

/** Runs kustomize. Several implementations keep this contract. */
export interface Engine {
  /** Name and version of what builds, part of every cache key: `kustomize-api/v0.21.1`. */
  readonly version: string
  /** Throws {@link EngineError}; `aborted` when the signal fired. A failed build leaves the others alone. */
  build(view: View, limits: BuildLimits): Promise<readonly BuiltObject[]>
  /** How many builds were started since the engine was made. */
  builds(): number
  /** Processes running now, for tests and metrics. */
  pids(): readonly number[]
  /** Ends all processes and waits until they are gone; running builds fail with `aborted`. */
  close(): Promise<void>
}
