/** How long a scenario waits, and how often it does the same again. */
export interface Pace {
  /** After a boot, as the controllers of Kubernetes are busy with themselves for a moment. */
  readonly settleMs: number
  /** Without a call, before it is measured that there are none. */
  readonly quietMs: number
  /** For processes to tidy up before their memory is read. */
  readonly restMs: number
  /** For engine processes without work to end. */
  readonly idleMs: number
  /** Of `steady`. */
  readonly intervals: number
  readonly intervalSeconds: number
  /** Of `chain`: one pass is too few hops for a p99. */
  readonly commits: number
  /** Of `drift`: Kustomizations there are at least. */
  readonly fleet: number
  /** Of `mttp`. */
  readonly rounds: number
}

/** What every figure is measured with. Engine processes end after a minute; timers are not exact. */
export const fullPace: Pace = { settleMs: 5_000, quietMs: 10_000, restMs: 30_000, idleMs: 65_000, intervals: 10, intervalSeconds: 30, commits: 5, fleet: 250, rounds: 3 }
