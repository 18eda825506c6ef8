import { countWork, statusWritesByName } from './audit.ts'
import { round } from './figures.ts'
import { appFiles, appNames, fleetFiles } from './fleet.ts'
import { installFleet, secondsBetween } from './mttp.ts'
import type { Scenario } from './scenario.ts'
import { kustomizeClient, startTestbed } from './testbed.ts'

/** One repository, a folder an app, and a commit that touches one of them: who pays for it? */
export const monorepo: Scenario = {
  n: 1000,
  fluxN: () => 200,
  budgets: [
    { key: 'builds', least: 1, most: 1 },
    { key: 'objectCalls', most: 4 },
    { key: 'statusWritesUntouched', most: 1 },
    { key: 'statusWritesTouched', most: 2 },
    { key: 'seconds', most: 5 },
  ],
  async run({ system, n, pace, profile, onProgress, signal }) {
    const names = appNames(n)
    const touched = names[Math.floor(n / 2)] ?? ''
    await using testbed = await startTestbed({ system, files: fleetFiles('plain', names, 'first'), pace, profile, onProgress, signal })
    onProgress(`install: ${await installFleet(testbed, { names, shape: 'plain', onProgress })} s`)
    await testbed.untilQuiet(3_000)

    const before = await testbed.builds()
    const { value: seconds, entries } = await testbed.audited(async () => {
      const { revision, storedAtMs } = await testbed.push(appFiles('plain', touched, 'second'))
      return secondsBetween(storedAtMs, await testbed.untilReady('commit', names, revision))
    })
    const counts = countWork(entries, kustomizeClient)
    const writes = statusWritesByName(entries, kustomizeClient)
    const writesOf = (name: string): number => {
      const count = writes.get(name)?.length
      // Each says that it is at the new revision, so somebody has written it.
      if (count === undefined) throw new Error(`the audit log holds no status write of ${name}`)
      return count
    }
    const untouched = names.filter((name) => name !== touched).map(writesOf)
    return {
      n,
      builds: (await testbed.builds()) - before,
      objectCalls: counts.objectCalls,
      statusWritesPerObject: round(counts.statusWrites / n),
      statusWritesUntouched: Math.max(0, ...untouched),
      statusWritesTouched: writesOf(touched),
      apiCalls: counts.calls,
      seconds,
    }
  },
}
