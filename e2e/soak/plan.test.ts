import { describe, expect, it } from '@jest/globals'
import { createRandom } from '@weir/shared/testing'
import { baseFiles, createApps, declaredBy, filesOf, type App } from './apps.ts'
import { createLedger } from './ledger.ts'
import { createJournal } from '../invariants.ts'
import { choose, type Open, type Situation } from './plan.ts'

const apps = createApps(30)
const situation = (more: Partial<Situation> = {}): Situation => ({ apps, broken: [], gone: [], nowMs: 100_000, ...more })
const open = (sinceMs: number): Open => ({ app: apps[0] as App, sinceMs })

describe('what happens next', () => {
  it('comes from the seed alone', () => {
    const day = (seed: number): unknown => {
      const random = createRandom(seed)
      return Array.from({ length: 200 }, () => choose(situation(), random))
    }
    expect(day(1)).toEqual(day(1))
    expect(day(1)).not.toEqual(day(2))
  })

  it('has every kind in it, and mostly commits', () => {
    const random = createRandom(1)
    const kinds = Array.from({ length: 2_000 }, () => choose(situation(), random).kind)
    const counts = Object.fromEntries([...Map.groupBy(kinds, (kind) => kind)].map(([kind, all]) => [kind, all.length]))
    expect(Object.keys(counts).sort()).toEqual(['break', 'change', 'change base', 'delete by hand', 'delete kustomization', 'edit by hand', 'toggle extra'])
    expect((counts['change'] ?? 0) + (counts['toggle extra'] ?? 0)).toBeGreaterThan(1_400)
  })

  it.each([
    ['a broken app is fixed once somebody noticed', { broken: [open(60_000)] }, 'fix'],
    ['a deleted Kustomization comes back', { gone: [open(60_000)] }, 'create kustomization'],
  ] as const)('%s', (_what, more, kind) => {
    expect(choose(situation(more), () => 0.5).kind).toBe(kind)
    expect(choose(situation({ broken: [open(90_000)], gone: [open(90_000)] }), () => 0.5).kind).toBe('change')
  })

  it('leaves alone what is broken or gone, and breaks no more than a few', () => {
    const troubled = createApps(10).map((app, index) => ({ ...app, isBroken: index < 4, isGone: index === 4 }))
    const random = createRandom(3)
    const named = Array.from({ length: 500 }, () => choose(situation({ apps: troubled, broken: [open(99_000), open(99_000), open(99_000)] }), random)).flatMap((each) => {
      expect(each.kind).not.toBe('break')
      return 'apps' in each ? each.apps : 'app' in each ? [each.app] : []
    })
    expect(named.filter(({ isBroken, isGone }) => isBroken || isGone)).toEqual([])
  })

  it('keeps a change within one repository', () => {
    const random = createRandom(4)
    const sizes = Array.from({ length: 300 }, () => choose(situation(), random)).flatMap((each) => (each.kind === 'change' ? [new Set(each.apps.map(({ repository }) => repository)).size] : []))
    expect(new Set(sizes)).toEqual(new Set([1]))
  })
})

describe('what an app declares', () => {
  const app: App = { name: 'app-001', repository: 'one', rolls: true, value: 3, hasExtra: true, isBroken: false, isGone: false }
  const kustomization = (each: App): { readonly resources: readonly string[] } => JSON.parse(filesOf(each)['apps/app-001/kustomization.yaml'] ?? '{}') as { readonly resources: readonly string[] }

  it('is in its folder: what comes, what goes, and what was forgotten', () => {
    expect(kustomization(app).resources).toEqual(['../../base/rolling', 'extra.yaml'])
    expect(kustomization({ ...app, hasExtra: false, isBroken: true, rolls: false }).resources).toEqual(['../../base/plain', 'forgotten.yaml'])
    expect(filesOf({ ...app, hasExtra: false })).toHaveProperty(['apps/app-001/extra.yaml'], undefined)
    expect(Object.keys(baseFiles(1))).toContain('base/rolling/deployment.yaml')
  })

  it('is told to the journal by its names; nothing once its Kustomization is gone', () => {
    expect(declaredBy(app).map(({ resource, name }) => `${resource}/${name}`)).toEqual(['configmaps/app-001-settings', 'serviceaccounts/app-001-web', 'configmaps/app-001-extra', 'deployments/app-001-web'])
    expect(declaredBy({ ...app, isGone: true })).toEqual([])
  })

  it('excuses a deletion until it was seen applied, at its commit or a later one', async () => {
    const made = { count: 0 }
    const journal = createJournal(() => 1_000)
    const ledger = createLedger(new Map([['one', { commit: () => Promise.resolve(`sha-${(made.count += 1)}`) }]]), journal)
    journal.push(app.name, 'first', declaredBy(app))
    const before = await ledger.commit('one', {}, 'change')
    await ledger.redeclare({ ...app, hasExtra: false }, 'toggle extra', () => ledger.commit('one', {}, 'toggle extra'))
    ledger.seen(app, before)
    ledger.seen(app, 'of another history')
    expect(journal.revisions().map(({ untilMs }) => untilMs)).toEqual([undefined, undefined])
    ledger.seen(app, await ledger.commit('one', {}, 'change'))
    expect(journal.revisions().map(({ untilMs }) => untilMs)).toEqual([1_000, undefined])
    expect([ledger.commits(), ledger.last().get('one')]).toEqual([3, 'sha-3'])
  })
})
