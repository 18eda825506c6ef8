import type { Artifact } from '@weir/shared/api'
import type { Telemetry } from '@weir/shared/telemetry'
import type { RetentionRule } from './retention.ts'

/** Whose artifacts: `kind` in any case, stored in lower case. */
export interface Owner {
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

export interface PutRequest extends Owner {
  /** Name of the stored file, such as `<commit>.tar.gz`. */
  readonly file: string
  /** Directory whose content is archived. */
  readonly tree: string
  /** `spec.ignore`: patterns that win over those of the tree's own `.sourceignore` files. */
  readonly ignore?: string
  readonly revision: string
  readonly metadata?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

/** Artifacts on this process's disk. */
export interface Store {
  /** Archives a directory, reproducibly and atomically. ArtifactError `full`, `read-only`, `unsafe` (a name no consumer takes), `io`, `aborted`. */
  put(request: PutRequest): Promise<Artifact>
  /** Whether the file is there, regular, and has the size and digest of `artifact`. A corrupt one is removed. */
  check(artifact: Artifact): Promise<'ok' | 'missing' | 'corrupt'>
  /** The same artifact under the address that is advertised now. */
  advertise(artifact: Artifact): Artifact
  /** Removes what the retention rule lets go; says which files, sorted. */
  retain(owner: Owner & { readonly current?: Artifact }): Promise<readonly string[]>
  /** Removes everything of one object. */
  drop(owner: Owner): Promise<void>
  /** Removes half-written files and lock files that a dead process left. Call it before the first `put`. */
  purge(): Promise<void>
}

export interface StoreOptions {
  readonly root: string
  /** `host[:port]`, or a URL with scheme: what artifact URLs begin with. */
  readonly advertised: string
  readonly retention: RetentionRule
  readonly telemetry: Telemetry
  readonly now?: () => Date
}

export function createStore(options: StoreOptions): Store {
  throw new Error(`artifact store in ${options.root}: not built yet`)
}
