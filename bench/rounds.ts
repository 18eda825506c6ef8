import { ratiosOf, round, type PhaseSeconds } from './figures.ts'
import type { LimitFigures } from './limit.ts'

/** A run of the system, and the limit right before and after it. */
export interface Round<T extends PhaseSeconds> {
  readonly run: T
  readonly limit: LimitFigures
}

export interface RoundsOptions<T> {
  readonly count: number
  /** Each round begins where the last one ended: its limit counts for both. False: one limit for all, for sizes that nobody judges. */
  readonly framed: boolean
  readonly limit: () => Promise<LimitFigures>
  readonly run: () => Promise<T>
}

/**
 * The limit, the system, the limit, the system, …, the limit. A machine is slower at one time than at another, for everything
 * that runs on it and by more than the budget leaves: only neighbours are compared.
 */
export async function playRounds<T extends PhaseSeconds>({ count, framed, limit, run }: RoundsOptions<T>): Promise<readonly Round<T>[]> {
  const rounds: Round<T>[] = []
  let before = await limit()
  for (let played = 0; played < count; played++) {
    const ours = await run()
    const after = framed ? await limit() : before
    rounds.push({ run: ours, limit: meanOf([before, after]) })
    before = after
  }
  return rounds
}

/** How many times longer than the limit each round took. */
export function ratiosOfRounds(rounds: readonly Round<PhaseSeconds>[]): readonly number[] {
  return rounds.map(({ run, limit }) => ratiosOf(run, limit).ratio)
}

/** The round that half of the others were faster than, by their ratios; the slower one of two. */
export function middleOf<T extends PhaseSeconds>(rounds: readonly Round<T>[]): Round<T> {
  const sorted = rounds.toSorted((a, b) => ratiosOf(a.run, a.limit).ratio - ratiosOf(b.run, b.limit).ratio)
  const middle = sorted[Math.floor(sorted.length / 2)]
  if (middle === undefined) throw new Error('no round, no middle one')
  return middle
}

export function meanOf(limits: readonly LimitFigures[]): LimitFigures {
  const mean = (key: keyof LimitFigures): number => round(limits.reduce((sum, limit) => sum + limit[key], 0) / limits.length)
  return { installSeconds: mean('installSeconds'), upgradeSeconds: mean('upgradeSeconds'), callsPerKustomization: mean('callsPerKustomization') }
}
