import { setTimeout as pause } from 'node:timers/promises'
import { round } from './figures.ts'
import { appNames, fleetFiles } from './fleet.ts'
import { fluxFleet, installThenUpgrade, restMs } from './mttp.ts'
import { sampleChildren } from './processes.ts'
import type { Scenario, ScenarioOptions } from './scenario.ts'
import { measureStarts } from './starts.ts'
import { startTestbed } from './testbed.ts'

/** An engine process without work ends after a minute; a little more, as timers are not exact. */
const idleMs = 65_000

/** What the processes hold with the fleet of `mttp` in them, one process each and both in one. */
export const memory: Scenario = {
  n: 1000,
  fluxN: fluxFleet,
  budgets: [
    { key: 'perController', most: 130 },
    { key: 'allInOneMiB', most: 220 },
    { key: 'peakApart', most: 195 },
    { key: 'peakTogether', most: 330 },
    { key: 'engineMiB', most: 62 },
    { key: 'enginesAfterIdle', most: 0 },
    { key: 'startMs', most: 1000 },
  ],
  async run(options) {
    const { n, shape, system } = options
    const starts = await measureStarts(options)
    const apart = await measureApart(options)
    const figures = { n, shape, perController: apart.rssMiB, startMs: Math.max(...Object.values(starts)), startMsPerController: starts }
    // Flux builds in its controller, and has no way to run both controllers in one process.
    if (system === 'flux') return { ...figures, peakMiB: apart.peakMiB }
    const together = await measureTogether(options)
    return {
      ...figures,
      peakMiB: { ...apart.peakMiB, all: together.peakMiB },
      peakApart: Math.max(...Object.values(apart.peakMiB)),
      peakTogether: together.peakMiB,
      allInOneMiB: together.rssMiB,
      engineMiB: apart.engineMiB,
      enginesAfterIdle: apart.enginesAfterIdle,
    }
  },
}

interface Apart {
  readonly rssMiB: Readonly<Record<string, number>>
  readonly peakMiB: Readonly<Record<string, number>>
  readonly engineMiB: number
  readonly enginesAfterIdle: number
}

async function measureApart(options: ScenarioOptions): Promise<Apart> {
  await using testbed = await startFleet(options, false)
  const engines = sampleChildren(testbed.controllers.at(-1)?.pid ?? 0)
  try {
    await installThenUpgrade(testbed, { ...options, names: appNames(options.n) })
    await pause(restMs, undefined, { signal: options.signal })
    const found = await Promise.all(testbed.controllers.map(async ({ name, memory: read }) => [name, await read()] as const))
    options.onProgress(`memory: apart ${JSON.stringify(found)}`)
    if (options.system === 'weir') await pause(Math.max(0, idleMs - restMs), undefined, { signal: options.signal })
    return {
      rssMiB: Object.fromEntries(found.map(([name, { rssMiB }]) => [name, round(rssMiB, 1)])),
      peakMiB: Object.fromEntries(found.map(([name, { peakMiB }]) => [name, round(peakMiB, 1)])),
      engineMiB: round(engines.childPeakMiB(), 1),
      enginesAfterIdle: (await engines.children()).length,
    }
  } finally {
    engines.stop()
  }
}

async function measureTogether(options: ScenarioOptions): Promise<{ readonly rssMiB: number; readonly peakMiB: number }> {
  await using testbed = await startFleet(options, true)
  await installThenUpgrade(testbed, { ...options, names: appNames(options.n) })
  await pause(restMs, undefined, { signal: options.signal })
  const [both] = testbed.controllers
  if (both === undefined) throw new Error('no process holds both')
  const { rssMiB, peakMiB } = await both.memory()
  return { rssMiB: round(rssMiB, 1), peakMiB: round(peakMiB, 1) }
}

function startFleet({ system, n, shape, profile, onProgress, signal }: ScenarioOptions, together: boolean): ReturnType<typeof startTestbed> {
  return startTestbed({ system, files: fleetFiles(shape, appNames(n), 'first'), together, profile, onProgress, signal })
}
