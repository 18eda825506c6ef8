import { createHash } from 'node:crypto'
import { createRandom } from '@weir/shared/testing'

/** Chance from a seed: the same answers to the same questions in the same order, on every machine. */
export interface Dice {
  /** In [from, to], whole. */
  between(from: number, to: number): number
  chance(probability: number): boolean
  pick<T>(from: readonly T[]): T
  /** By weight; every weight above 0 may come. */
  weighted<T>(from: readonly (readonly [weight: number, value: T])[]): T
  /** Distinct ones, in the order of the list; fewer where the list has fewer. */
  some<T>(from: readonly T[], count: number): readonly T[]
}

/** `purpose` keeps the answers of one part of a plan independent of how often another part asks. */
export function createDice(seed: number, purpose: string): Dice {
  const random = createRandom(createHash('sha256').update(`${seed}/${purpose}`).digest().readUInt32LE())
  const between = (from: number, to: number): number => from + Math.floor(random() * (to - from + 1))
  const pick = <T>(from: readonly T[]): T => {
    const found = from[between(0, from.length - 1)]
    if (found === undefined) throw new Error('nothing to pick from')
    return found
  }
  return {
    between,
    chance: (probability) => random() < probability,
    pick,
    weighted(from) {
      const draw = random() * from.reduce((sum, [weight]) => sum + weight, 0)
      const state = { left: draw }
      const found = from.find(([weight]) => (state.left -= weight) < 0)
      return (found ?? pick(from))[1]
    },
    some(from, count) {
      const left = from.map((_, index) => index)
      const taken = Array.from({ length: Math.min(count, from.length) }, () => left.splice(between(0, left.length - 1), 1)[0])
      return from.filter((_, index) => taken.includes(index))
    },
  }
}
