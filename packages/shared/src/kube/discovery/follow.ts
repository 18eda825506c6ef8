import type { Caller } from '../connection/connection.ts'
import { watch } from '../watch/watch.ts'
import { apiServiceKind, crdKind } from './absent.ts'

/** A CRD's kinds are served some moments after its last event, and nothing tells when: looks are repeated, mostly for a 304. */
const looksAfterMs = [250, 1_000, 3_000, 8_000]

export interface FollowOptions {
  readonly stop: AbortSignal
  readonly signal: AbortSignal
  refresh(): Promise<void>
}

/** Looks again after every change of a CRD or an APIService; many changes at once are one look. */
export function followDefiners(caller: Caller, { stop, signal, refresh }: FollowOptions): void {
  let rung = 0
  let timer: NodeJS.Timeout | undefined
  const climb = async (): Promise<void> => {
    timer = undefined
    const looked = await refresh().then(
      () => true,
      () => false,
    )
    if (stop.aborted || signal.aborted) return
    // A failed look is made up for, however many there were.
    rung = looked ? rung + 1 : Math.max(rung, 1)
    if (rung < looksAfterMs.length) timer ??= setTimeout(() => void climb(), looksAfterMs[rung])
  }
  const touched = (): void => {
    const waitsForFirst = timer !== undefined && rung === 0
    if (waitsForFirst) return
    clearTimeout(timer)
    rung = 0
    timer = setTimeout(() => void climb(), looksAfterMs[0])
  }
  const sink = { replace: touched, upsert: touched, remove: touched }
  for (const resource of [crdKind, apiServiceKind]) {
    watch<undefined>(caller, { stop, sink, spec: { resource, metadataOnly: true, project: () => undefined, signal } })
  }
  const end = (): void => clearTimeout(timer)
  stop.addEventListener('abort', end, { once: true })
  signal.addEventListener('abort', end, { once: true })
}
