import type { ToolOptions } from './tools.ts'

export interface EngineBinaryOptions extends ToolOptions {
  /** The Go module. Default: `engines/` of this checkout. */
  readonly source?: string
}

/**
 * Path of the kustomize service, built with Go once for this source, Go version and flags. Throws EngineError
 * `unavailable`, with a sentence that says what to install, where it cannot be built.
 */
export async function kustomizeEngineBinary(options: EngineBinaryOptions = {}): Promise<string> {
  throw new Error(`${options.source}: not built yet`)
}
