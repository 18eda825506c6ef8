/** How many reconciles may fetch, build or apply at once. */
export interface Limit {
  current(): number
  /** A finished piece of work took `ms` while `active` were in work. */
  observe(ms: number, active: number): void
  /** The API server said 429 or did not answer in time. */
  overloaded(): void
}

/** `--concurrent` set: a hard cap. Unset: starts at 8 and follows latency between 4 and 64. */
export function createLimit(concurrent?: number): Limit {
  throw new Error(`limit ${concurrent}: not built yet`)
}
