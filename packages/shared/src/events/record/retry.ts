import { setTimeout as sleep } from 'node:timers/promises'

export type Attempt = { readonly kind: 'done' } | { readonly kind: 'given-up'; readonly error: unknown } | { readonly kind: 'again'; readonly error: unknown; readonly afterMs?: number }

export interface RetryOptions {
  readonly attempts: number
  readonly minMs: number
  readonly maxMs: number
  /** Aborted: no further attempt. */
  readonly ending: AbortSignal
}

/** Repeats while the answer is `again`, with doubling waits and jitter. undefined: done; else why it was given up. */
export async function retry(attempt: () => Promise<Attempt>, { attempts, minMs, maxMs, ending }: RetryOptions): Promise<unknown> {
  for (let number = 1; ; number += 1) {
    const outcome = await attempt()
    if (outcome.kind === 'done') return undefined
    if (outcome.kind === 'given-up' || number >= attempts || ending.aborted) return outcome.error
    const waitMs = Math.max(outcome.afterMs ?? 0, minMs * 2 ** (number - 1) * (0.5 + Math.random() / 2))
    await sleep(Math.min(maxMs, waitMs), undefined, { signal: ending }).catch(() => undefined)
    if (ending.aborted) return outcome.error
  }
}
