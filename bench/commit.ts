import { setTimeout as pause } from 'node:timers/promises'
import { dumpYaml } from '@weir/shared/manifest'
import { spreadMs } from './figures.ts'
import { appNames, kustomizationOf, objectsOf } from './fleet.ts'
import type { Scenario } from './scenario.ts'
import { startTestbed } from './testbed.ts'

/** From a push to Ready: one app of two objects that do not roll. The Git server's hook tells the source. */
export const commit: Scenario = {
  n: 100,
  budgets: [
    { key: 'p50Ms', most: 1000 },
    { key: 'p99Ms', most: 2000 },
  ],
  async run({ system, n, pace, profile, onProgress, signal }) {
    const [name = ''] = appNames(1)
    await using testbed = await startTestbed({ system, files: appOf(name, 0), pace, profile, onProgress, signal })
    const { created } = testbed.create([kustomizationOf('plain', name)])
    await Promise.all([created, testbed.untilReady('install', [name], testbed.firstRevision)])

    const delaysMs: number[] = []
    for (let push = 1; push <= n; push += 1) {
      await pause(pauseMs(push), undefined, { signal })
      const startedMs = performance.now()
      const pushed = await testbed.repository.commit(appOf(name, push))
      delaysMs.push((await testbed.untilReady(`push ${push}`, [name], `main@sha1:${pushed}`)) - startedMs)
      if (push % 10 === 0) onProgress(`commit: ${push} of ${n}, ${JSON.stringify(spreadMs(delaysMs))}`)
    }
    return { n, ...spreadMs(delaysMs) }
  },
}

/** Pushes come when they come: uneven pauses, the same in every run. */
function pauseMs(push: number): number {
  return 150 + ((push * 89) % 200)
}

function appOf(name: string, push: number): Record<string, string> {
  const objects = objectsOf(name, 'first').filter(({ kind }) => kind === 'ConfigMap' || kind === 'Service')
  const changed = objects.map((object) => (object.kind === 'ConfigMap' ? { ...object, data: { PUSH: String(push) } } : object))
  return Object.fromEntries(changed.map((object) => [`apps/${name}/${object.kind.toLowerCase()}.yaml`, dumpYaml(object)]))
}
