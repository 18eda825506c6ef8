import { setTimeout as pause } from 'node:timers/promises'
import { breakDown, countCalls } from './audit.ts'
import { round } from './figures.ts'
import { appNames, fleetFiles } from './fleet.ts'
import { installFleet } from './mttp.ts'
import type { Scenario } from './scenario.ts'
import { kustomizeClient, sourceClient, startTestbed, type Testbed } from './testbed.ts'

/** Nothing changes, and every object's interval passes ten times. */
export const steady: Scenario = {
  n: 1000,
  fluxN: () => 100,
  budgets: [
    { key: 'builds', most: 0 },
    { key: 'downloads', most: 0 },
    { key: 'objectReads', most: 0 },
    { key: 'statusWritesPerObject', most: 0 },
  ],
  async run({ system, n, pace, profile, onProgress, signal }) {
    const { intervals, intervalSeconds } = pace
    const names = appNames(n)
    const interval = `${intervalSeconds}s`
    await using testbed = await startTestbed({ system, files: fleetFiles('plain', names, 'first'), interval, pace, profile, onProgress, signal })
    onProgress(`install: ${await installFleet(testbed, { names, shape: 'plain', interval, onProgress })} s`)
    // No verification is left when nothing was asked for a while. Flux verifies nothing, and is never quiet for so long.
    if (system === 'weir') await testbed.untilQuiet(pace.quietMs)

    const before = await readUse(testbed)
    if (before.downloads === 0) throw new Error('the installation downloaded nothing: downloads are not counted')
    const { entries } = await testbed.audited(async () => {
      for (let at = 1; at <= intervals; at += 1) {
        await pause(intervalSeconds * 1000, undefined, { signal })
        onProgress(`steady: ${at} of ${intervals} intervals`)
      }
    })
    const after = await readUse(testbed)
    const [kustomize, source] = [countCalls(entries, kustomizeClient), countCalls(entries, sourceClient)]
    onProgress(`calls: ${JSON.stringify(breakDown(entries, kustomizeClient))} ${JSON.stringify(breakDown(entries, sourceClient))}`)
    return {
      n,
      intervals,
      intervalSeconds,
      builds: after.builds - before.builds,
      downloads: after.downloads - before.downloads,
      objectReads: kustomize.objectReads,
      objectCalls: kustomize.objectCalls,
      statusWritesPerObject: round((kustomize.statusWrites + source.statusWrites) / n, 4),
      apiCalls: kustomize.calls + source.calls,
      cpuSeconds: round(after.cpuSeconds - before.cpuSeconds, 1),
    }
  },
}

async function readUse(testbed: Testbed): Promise<{ readonly builds: number; readonly downloads: number; readonly cpuSeconds: number }> {
  return { builds: await testbed.builds(), downloads: testbed.downloads(), cpuSeconds: await testbed.cpuSeconds() }
}
