import { setTimeout as pause } from 'node:timers/promises'
import type { Kube } from '@weir/shared/kube'
import { createRandom } from '@weir/shared/testing'
import { createActs } from './acts.ts'
import type { App } from './apps.ts'
import type { Ledger } from './ledger.ts'
import { choose } from './plan.ts'

export interface LifeOptions {
  readonly kube: Kube
  readonly apps: readonly App[]
  readonly ledger: Ledger
  readonly seed: number
  /** Something could not be done, by us and not by a controller: an hour does not end for that. */
  readonly onTrouble: (message: string) => void
}

/** What people do to a fleet, one thing after the other, from a seed. */
export interface Life {
  /** Goes on until the signal. */
  live(signal: AbortSignal): Promise<void>
  /** From now on nobody does anything, or people are back at work. */
  rest(isResting: boolean): void
  /** Undoes what is still open, and makes a last commit in every repository. */
  settle(): Promise<void>
  /** What was done, by kind. */
  happenings(): Readonly<Record<string, number>>
}

/** Between two happenings, drawn evenly. */
const [leastPauseMs, mostPauseMs] = [2_500, 5_500]

export function createLife({ kube, apps, ledger, seed, onTrouble }: LifeOptions): Life {
  const random = createRandom(seed)
  const { act, broken, gone } = createActs(kube, ledger)
  const happened: Record<string, number> = {}
  const state = { isResting: false }
  return {
    async live(signal) {
      for (;;) {
        await pause(leastPauseMs + random() * (mostPauseMs - leastPauseMs), undefined, { signal }).catch(() => undefined)
        if (signal.aborted) return
        if (state.isResting) continue
        const happening = choose({ apps, broken, gone, nowMs: performance.now() }, random)
        await act(happening).catch((error: unknown) => onTrouble(`${happening.kind}: ${error instanceof Error ? error.message : String(error)}`))
        happened[happening.kind] = (happened[happening.kind] ?? 0) + 1
      }
    },
    rest: (isResting) => void (state.isResting = isResting),
    async settle() {
      for (const { app } of broken.slice()) await act({ kind: 'fix', app })
      for (const { app } of gone.slice()) await act({ kind: 'create kustomization', app })
      for (const name of ledger.last().keys()) await ledger.commit(name, { 'README.md': 'the end' }, 'the end')
    },
    happenings: () => happened,
  }
}
