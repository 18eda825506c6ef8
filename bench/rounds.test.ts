import { describe, expect, it } from '@jest/globals'
import { meanOf, middleOf, playRounds, ratiosOfRounds, type Round } from './rounds.ts'
import type { PhaseSeconds } from './figures.ts'

const limitOf = (seconds: number) => ({ installSeconds: seconds, upgradeSeconds: seconds, callsPerKustomization: 6 })
const runOf = (seconds: number): PhaseSeconds => ({ installSeconds: seconds, upgradeSeconds: seconds })
const roundOf = (seconds: number, limit = 10): Round<PhaseSeconds> => ({ run: runOf(seconds), limit: limitOf(limit) })

/** What is measured, in order, and how long each takes. */
function machine(seconds: readonly number[]) {
  const left = [...seconds]
  const played: string[] = []
  const next = (what: string): number => {
    played.push(what)
    return left.shift() ?? Number.NaN
  }
  return { played, limit: async () => limitOf(next('limit')), run: async () => runOf(next('run')) }
}

describe('rounds', () => {
  it('stand between two limits, of which neighbours share one', async () => {
    const { played, ...sides } = machine([10, 13, 12, 15, 14])
    const rounds = await playRounds({ count: 2, framed: true, ...sides })
    expect(played).toEqual(['limit', 'run', 'limit', 'run', 'limit'])
    expect(rounds).toEqual([roundOf(13, 11), roundOf(15, 13)])
    expect(ratiosOfRounds(rounds)).toEqual([1.182, 1.154])
  })

  it('have one limit where nobody judges them', async () => {
    const { played, ...sides } = machine([10, 13])
    expect(await playRounds({ count: 1, framed: false, ...sides })).toEqual([roundOf(13)])
    expect(played).toEqual(['limit', 'run'])
  })

  it.each([
    ['the middle one of three', [roundOf(15), roundOf(12), roundOf(13)], 13],
    ['by its ratio, not by its time', [roundOf(30, 30), roundOf(12), roundOf(13)], 12],
    ['the slower one of two', [roundOf(13), roundOf(12)], 13],
    ['the only one', [roundOf(13)], 13],
  ])('give %s', (_, rounds, seconds) => {
    expect(middleOf(rounds).run.installSeconds).toBe(seconds)
  })

  it('are at least one', () => {
    expect(() => middleOf([])).toThrow('no round')
  })

  it('take the limit before and after alike', () => {
    const [before, after] = [{ installSeconds: 40, upgradeSeconds: 70, callsPerKustomization: 6 }, { installSeconds: 44, upgradeSeconds: 75, callsPerKustomization: 6 }]
    expect(meanOf([before, after])).toEqual({ installSeconds: 42, upgradeSeconds: 72.5, callsPerKustomization: 6 })
  })
})
