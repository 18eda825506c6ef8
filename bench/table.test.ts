import { expect, it } from '@jest/globals'
import { limitOf } from './mttp.ts'
import { tableOf } from './table.ts'

const scenario = { n: 1000, budgets: [{ key: 'seconds', most: 5 }] }

it('shows what was measured, the budget, and that the size is another one', () => {
  expect(tableOf({ ours: { n: 20, seconds: 6, peakMiB: { a: 1, b: 2 } }, scenario }).split('\n')).toEqual([
    expect.stringMatching(/^n +20$/),
    expect.stringMatching(/^seconds +6 +MISSED ≤ 5$/),
    expect.stringMatching(/^peakMiB +a 1, b 2$/),
    '(the budgets are for n = 1000)',
  ])
})

it.each([
  [{ least: 1, most: 1 }, 'MISSED = 1'],
  [{ least: 1, most: 3 }, 'MISSED 1 to 3'],
])('shows the bounds %j', (bounds, shown) => {
  expect(tableOf({ ours: { n: 1, builds: 0 }, scenario: { n: 1, budgets: [{ key: 'builds', ...bounds }] } })).toMatch(new RegExp(`^builds +0 +${shown}$`, 'm'))
})

it('shows Flux beside us, and a dash for what it does not have', () => {
  expect(tableOf({ ours: { n: 1000, seconds: 4, engineMiB: 50 }, flux: { n: 200, seconds: 80 }, scenario }).split('\n')).toEqual([
    expect.stringMatching(/^ +weir +flux$/),
    expect.stringMatching(/^n +1000 +200$/),
    expect.stringMatching(/^seconds +4 +80 +within ≤ 5$/),
    expect.stringMatching(/^engineMiB +50 +-$/),
  ])
})

it.each([
  ['is shared at the same size', { n: 20, limitInstallSeconds: 1, limitUpgradeSeconds: 2, limitCallsPerKustomization: 6 }, { installSeconds: 1, upgradeSeconds: 2, callsPerKustomization: 6 }],
  ['is measured again at another size', { n: 21, limitInstallSeconds: 1, limitUpgradeSeconds: 2, limitCallsPerKustomization: 6 }, undefined],
  ['is measured when nothing was before', undefined, undefined],
])('the limit %s', (_, beside, limit) => {
  expect(limitOf(beside, 20)).toEqual(limit)
})
