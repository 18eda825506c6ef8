import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'
import { mkdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { gitRepositoryKind, kustomizationKind, type Condition } from '@weir/shared/api'
import { createKube, loadConfig, type KubeObject } from '@weir/shared/kube'
import { quietTelemetry } from '@weir/shared/telemetry'
import { findLeftFiles, findProcesses } from '../aftermath.ts'
import { until } from '../fleet.ts'
import { describePlan } from './describe.ts'
import { noRules } from './fault-plan.ts'
import type { Unit } from './fleet-plan.ts'
import { planSeed, type Plan } from './plan.ts'
import { declaredBy, siteOf } from './render-unit.ts'
import { findSilent, runSeed, startCourse, type Course } from './seed.ts'
import { startWorld } from './world.ts'

const seeds = Array.from({ length: 20 }, (_, index) => 1_001 + index)

jest.setTimeout(300_000) // a seed takes seconds; a busy machine, and what does not converge, take minutes

let course: Course

function readyOf(object: KubeObject | undefined): string | undefined {
  const { conditions } = (object?.['status'] ?? {}) as { readonly conditions?: readonly Condition[] }
  return conditions?.find(({ type }) => type === 'Ready')?.status
}

beforeAll(async () => {
  course = await startCourse(await startWorld())
})
afterAll(() => course?.world.stop())

describe('a random fleet under random faults', () => {
  it.each(seeds)('seed %d', async (seed) => {
    const plan = planSeed(seed)
    const { violations } = await runSeed(course, plan)
    if (violations.length > 0) throw new Error(`npm run chaos -- --seeds 1 --from ${seed}\n${violations.join('\n')}\n${describePlan(plan)}`)
  })

  it('secrets were looked for where something was said', () => {
    expect(findSilent(course)).toEqual([])
  })
})

const configMaps = { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true }

/** Plants again and again what a controller may take back before anybody has looked. */
async function whileRunning(running: Promise<unknown>, plant: () => Promise<unknown>): Promise<void> {
  const over = new AbortController()
  const end = (): void => over.abort()
  running.then(end, end)
  while (!over.signal.aborted) {
    await plant()
    await pause(200)
  }
}

describe('who does what may never happen is found out', () => {
  /** The quiet plan of a seed: what is found was planted. */
  const quiet = (seed: number): Plan => ({ ...planSeed(seed), rules: noRules, steps: [{ afterMs: 1_500, act: { kind: 'settle' } }], troubledEnd: false })

  /** The first unit, which is a good one that prunes, gets one more object by a second commit, and there is time to look at it. */
  const withSecondCommit = (plan: Plan): Plan => {
    const [first, ...rest] = plan.fleet.units
    if (first === undefined) throw new Error('the fleet is empty')
    const whole: Unit = { ...first, shape: 'listed', repository: 0, broken: undefined, prune: true, wait: false, healthChecks: false, dependsOn: [] }
    const changed: Unit = { ...whole, parts: [...whole.parts, { kind: 'ConfigMap', name: 'second', value: 'second' }] }
    const steps: Plan['steps'] = [
      { afterMs: 0, act: { kind: 'settle' } },
      { afterMs: 0, act: { kind: 'commit', repository: 0, base: plan.base, units: [changed], says: ['add'] } },
      { afterMs: 0, act: { kind: 'settle' } },
      { afterMs: 10_000, act: { kind: 'settle' } },
    ]
    return { ...plan, fleet: { ...plan.fleet, units: [whole, ...rest] }, steps }
  }

  it('a deletion of what is declared, a secret in an event, a mirror that nobody names', async () => {
    const plan = quiet(2_000)
    const site = siteOf(plan.seed)
    const { platform } = course.world
    const saboteur = await createKube({ config: await loadConfig({ kubeconfig: platform.cluster.kubeconfig() }), userAgent: 'weir-saboteur', telemetry: quietTelemetry() })
    const running = runSeed(course, plan)
    const names = plan.fleet.units.flatMap((unit) => declaredBy(site, unit)).filter(({ resource, namespace }) => resource === 'configmaps' && namespace === site.namespace)
    const target = { resource: configMaps, namespace: site.namespace, name: names[0]?.name ?? '' }
    await until('it is applied', async () => saboteur.get(target))
    await saboteur.delete(target)
    const event = { apiVersion: 'v1', kind: 'Event', metadata: { name: 'telling', namespace: site.namespace }, involvedObject: { kind: 'GitRepository', name: 'r0', namespace: site.namespace }, message: site.canary }
    await saboteur.create({ group: '', version: 'v1', kind: 'Event', plural: 'events', namespaced: true }, event)
    const planted = path.join(platform.dir, 'store-git/git/mirrors/planted')
    await whileRunning(running, () => mkdir(planted, { recursive: true }))
    const { violations } = await running
    await saboteur.close()
    await rm(planted, { recursive: true, force: true })
    expect(violations).toEqual([
      expect.stringMatching(/^a secret can be read in: Event /),
      expect.stringContaining('mirror planted is left'),
      expect.stringMatching(new RegExp(`weir-saboteur .*: delete configmaps ${site.namespace}/${target.name}: declared by`)),
    ])
  })

  it('a deletion of what only the last commit declares, a secret in a status, a temporary folder that stays', async () => {
    const plan = withSecondCommit(quiet(2_002))
    const site = siteOf(plan.seed)
    const { platform } = course.world
    const saboteur = await createKube({ config: await loadConfig({ kubeconfig: platform.cluster.kubeconfig() }), userAgent: 'weir-saboteur', telemetry: quietTelemetry() })
    const running = runSeed(course, plan)
    const { namespace } = site
    const unit = plan.fleet.units[0]?.name ?? ''
    const target = { resource: configMaps, namespace, name: `${unit}-second` }
    const seen = async (): Promise<true | undefined> => {
      const found = await saboteur.get({ resource: kustomizationKind, namespace, name: unit })
      return (JSON.stringify(found?.['status'] ?? {}).includes('-second_') && readyOf(found) === 'True') || undefined
    }
    await until('the second commit is applied', seen)
    await pause(4_000) // seen by the seed as well, on a busy machine too
    await saboteur.delete(target)
    const planted = path.join(platform.dir, 'store-git/git/temp/planted')
    await whileRunning(running, async () => {
      const source = { resource: gitRepositoryKind, namespace, name: `r0-${plan.seed}` }
      await saboteur.patch(source, { type: 'merge', body: { status: { lastHandledReconcileAt: site.canary } }, subresource: 'status', manager: 'saboteur' }).catch(() => undefined) // it goes with the seed
      await mkdir(planted, { recursive: true })
    })
    const { violations } = await running
    await saboteur.close()
    await rm(planted, { recursive: true, force: true })
    expect(violations).toEqual([
      `a secret can be read in: GitRepository r0-${plan.seed}`,
      'left on disk at rest: store-git/git/temp/planted',
      expect.stringMatching(new RegExp(`weir-saboteur .*: delete configmaps ${namespace}/${target.name}: declared by ${unit}`)),
    ])
  })

  it('a controller that ends by itself, and a process that is left', async () => {
    const running = runSeed(course, quiet(2_001))
    process.kill(course.world.platform.controller('source-controller').pid, 'SIGTERM')
    expect((await running).violations).toEqual(['source-controller ended by itself with 0'])
    expect((await findProcesses(course.world.platform.dir)).length).toBeGreaterThanOrEqual(2)
  })
})

describe('after all of it', () => {
  it('no process and no temporary file is left', async () => {
    expect(await course.world.stopControllers()).toEqual([0, 0])
    expect(await findProcesses(course.world.platform.dir)).toEqual([])
    expect(await findLeftFiles(course.world.platform)).toEqual([])
  })
})
