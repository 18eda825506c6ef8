import { dumpYaml } from '@weir/shared/manifest'
import type { AuditEntry } from '@weir/shared/control-plane'
import { statusWritesByName } from './audit.ts'
import { spreadMs } from './figures.ts'
import { appNames, kustomizationOf, objectsOf } from './fleet.ts'
import type { Scenario } from './scenario.ts'
import { kustomizeClient, startTestbed } from './testbed.ts'

/** Each depends on the last; nothing to wait for but each other. */
export const chain: Scenario = {
  n: 20,
  budgets: [{ key: 'hopP99Ms', most: 200 }],
  async run({ system, n, pace, profile, onProgress, signal }) {
    // The installation and as many commits. Flux takes half a minute a hop: the installation alone.
    const commits = system === 'flux' ? 0 : pace.commits
    const names = appNames(Math.max(n, 2))
    await using testbed = await startTestbed({ system, files: configMaps(names, 0), pace, profile, onProgress, signal })
    const hops: number[] = []
    const objects = names.map((name, at) => kustomizationOf('plain', name, { dependsOn: names.slice(Math.max(0, at - 1), at) }))

    const install = await testbed.audited(async () => {
      const { created } = testbed.create(objects)
      await Promise.all([created, testbed.untilReady('chain', names, testbed.firstRevision)])
    })
    hops.push(...hopsOf(install.entries, names))
    for (let commit = 1; commit <= commits; commit += 1) {
      const upgrade = await testbed.audited(async () => {
        const { revision } = await testbed.push(configMaps(names, commit))
        await testbed.untilReady('chain', names, revision)
      })
      hops.push(...hopsOf(upgrade.entries, names))
      onProgress(`chain: commit ${commit} of ${commits}, ${JSON.stringify(spreadMs(hops))}`)
    }
    const { p50Ms, p99Ms } = spreadMs(hops)
    return { n: names.length, hops: hops.length, hopP50Ms: p50Ms, hopP99Ms: p99Ms }
  },
}

/** Milliseconds from each object's final status write to that of the object that depends on it. Exported for its test. */
export function hopsOf(entries: readonly AuditEntry[], names: readonly string[]): readonly number[] {
  const writes = statusWritesByName(entries, kustomizeClient)
  const ends = names.map((name) => {
    const end = writes.get(name)?.at(-1)
    if (end === undefined) throw new Error(`no status of ${name} was written`)
    return end.getTime()
  })
  return ends.slice(1).map((end, at) => end - (ends[at] ?? Number.NaN))
}

function configMaps(names: readonly string[], commit: number): Record<string, string> {
  const entries = names.map((name) => {
    const configMap = objectsOf(name, 'first').find(({ kind }) => kind === 'ConfigMap')
    return [`apps/${name}/configmap.yaml`, dumpYaml({ ...configMap, data: { COMMIT: String(commit) } })] as const
  })
  return Object.fromEntries(entries)
}
