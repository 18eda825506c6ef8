import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { createKube, loadConfig } from '@weir/shared/kube'
import { quietTelemetry } from '@weir/shared/telemetry'
import { findLeftFiles, findProcesses } from '../aftermath.ts'
import { until } from '../fleet.ts'
import { describePlan } from './describe.ts'
import { noRules } from './fault-plan.ts'
import { planSeed, type Plan } from './plan.ts'
import { declaredBy, siteOf } from './render-unit.ts'
import { runSeed, startCourse, type Course } from './seed.ts'
import { startWorld } from './world.ts'

const seeds = Array.from({ length: 20 }, (_, index) => 1_001 + index)

jest.setTimeout(300_000) // a seed takes seconds; a busy machine, and what does not converge, take minutes

let course: Course

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
})

describe('who does what may never happen is found out', () => {
  /** The quiet plan of a seed: what is found was planted. */
  const quiet = (seed: number): Plan => ({ ...planSeed(seed), rules: noRules, steps: [{ afterMs: 1_500, act: { kind: 'settle' } }], troubledEnd: false })

  it('a deletion of what is declared, a secret in an event, a mirror that nobody names', async () => {
    const plan = quiet(2_000)
    const site = siteOf(plan.seed)
    const { platform } = course.world
    const saboteur = await createKube({ config: await loadConfig({ kubeconfig: platform.cluster.kubeconfig() }), userAgent: 'weir-saboteur', telemetry: quietTelemetry() })
    const running = runSeed(course, plan)
    const configMaps = { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true }
    const names = plan.fleet.units.flatMap((unit) => declaredBy(site, unit)).filter(({ resource, namespace }) => resource === 'configmaps' && namespace === site.namespace)
    const target = { resource: configMaps, namespace: site.namespace, name: names[0]?.name ?? '' }
    await until('it is applied', async () => saboteur.get(target))
    await saboteur.delete(target)
    const event = { apiVersion: 'v1', kind: 'Event', metadata: { name: 'telling', namespace: site.namespace }, involvedObject: { kind: 'GitRepository', name: 'r0', namespace: site.namespace }, message: site.canary }
    await saboteur.create({ group: '', version: 'v1', kind: 'Event', plural: 'events', namespaced: true }, event)
    await mkdir(path.join(platform.dir, 'store-git/git/mirrors/planted'))
    const { violations } = await running
    await saboteur.close()
    expect(violations).toEqual([
      expect.stringMatching(/^a secret can be read in: Event /),
      expect.stringContaining('mirror planted is left'),
      expect.stringMatching(new RegExp(`weir-saboteur .*: delete configmaps ${site.namespace}/${target.name}: declared by`)),
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
