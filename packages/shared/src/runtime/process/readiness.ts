import type { Host } from './host.ts'

/**
 * `Started.ready` of a controller: a leader is ready when it works, a follower when it could. `working` is what it does from
 * `host.leading` on. Rejects as these do.
 */
export async function readiness({ leading }: Pick<Host, 'leading'>, synced: Promise<unknown>, working: Promise<void>): Promise<void> {
  working.catch(() => undefined) // told here if it leads by then; later it is a matter of the process
  const state = { leads: false }
  leading.then(
    () => (state.leads = true),
    () => undefined, // stopped before it led
  )
  await synced
  if (state.leads) await working
}
