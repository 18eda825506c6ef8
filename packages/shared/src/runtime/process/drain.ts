import type { Recorder } from '@weir/shared/events'
import type { Clock } from '../clock.ts'
import type { Controller } from '../controller.ts'

export interface Draining {
  readonly controller: Pick<Controller, 'drain'>
  readonly recorder: Pick<Recorder, 'close'>
  readonly clock: Pick<Clock, 'monotonicMs'>
}

/** For the last events, however long the runs took. */
const leastMs = 1_000
/** An API server that is away must not use up the grace for them. */
const mostMs = 5_000

/**
 * `Started.drain` of a controller: ends its runs, then sends what they recorded, both within `graceMs` (the second has 1 s at least, 5 s at
 * most). Events are writes: once the lease is given back, the fence refuses them.
 */
export async function drainController({ controller, recorder, clock }: Draining, graceMs: number): Promise<void> {
  const endMs = clock.monotonicMs() + graceMs
  await controller.drain(graceMs)
  await recorder.close(Math.min(mostMs, Math.max(leastMs, endMs - clock.monotonicMs())))
}
