import type { Resource } from '../objects.ts'

export interface KindName {
  readonly group: string
  readonly kind: string
  /** Absent: the version that the server prefers. */
  readonly version?: string
}

/** What the API server serves. Loaded at first use; every rejection is a KubeError. */
export interface Discovery {
  /** A miss looks once more, shared by all, at most every 5 s. Undefined: not served as far as is known; see `absent`. */
  resource(name: KindName, signal?: AbortSignal): Promise<Resource | undefined>
  /** The group's discovery is whole: no version of it is stale or unreadable. False before the first load. */
  complete(group: string): boolean
  /**
   * DESIGN law: `gone` only when the group's discovery is complete, no other server's APIService claims the group and no CRD defines the
   * kind; every doubt, including a failed or forbidden look, is `unknown`. Never rejects.
   */
  absent(name: Pick<KindName, 'group' | 'kind'>, signal?: AbortSignal): Promise<'served' | 'gone' | 'unknown'>
  /** Looks again unless a look that began less than `maxAgeMs` ago (default 5 s) has answered. 0: begins after this call. */
  refresh(options?: { readonly maxAgeMs?: number; readonly signal?: AbortSignal }): Promise<void>
  /** Watches CRDs and APIServices (metadata) and looks again when they change. */
  follow(signal: AbortSignal): void
  /** Told the groups whose kinds changed, after each look that found a difference. Returns the way to stop it. */
  onChange(listener: (groups: ReadonlySet<string>) => void): () => void
}
