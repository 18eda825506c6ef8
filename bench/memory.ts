import { setTimeout as pause } from 'node:timers/promises'
import { round } from './figures.ts'
import { appNames, fleetFiles } from './fleet.ts'
import { fluxFleet, installThenUpgrade } from './mttp.ts'
import { sampleChildren } from './processes.ts'
import type { Scenario, ScenarioOptions } from './scenario.ts'
import { measureStarts } from './starts.ts'
import { startTestbed } from './testbed.ts'

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
      ...apart.engines,
    }
  },
}

interface Apart {
  readonly rssMiB: Readonly<Record<string, number>>
  readonly peakMiB: Readonly<Record<string, number>>
  /** Of ours alone. */
  readonly engines?: { readonly engineMiB: number; readonly enginesAfterIdle: number }
}

async function measureApart(options: ScenarioOptions): Promise<Apart> {
  const { system, pace, signal } = options
  await using testbed = await startFleet(options, false)
  const builder = testbed.controllers.find(({ name }) => name === 'kustomize-controller')
  if (builder === undefined) throw new Error('there is no kustomize-controller')
  const engines = sampleChildren(builder.pid)
  try {
    await installThenUpgrade(testbed, { ...options, names: appNames(options.n) })
    await pause(pace.restMs, undefined, { signal })
    const found = await Promise.all(testbed.controllers.map(async ({ name, memory: read }) => [name, await read()] as const))
    options.onProgress(`memory: apart ${JSON.stringify(found)}`)
    if (system === 'weir') await pause(Math.max(0, pace.idleMs - pace.restMs), undefined, { signal })
    return {
      rssMiB: Object.fromEntries(found.map(([name, { rssMiB }]) => [name, round(rssMiB, 1)])),
      peakMiB: Object.fromEntries(found.map(([name, { peakMiB }]) => [name, round(peakMiB, 1)])),
      ...(system === 'weir' && { engines: { engineMiB: round(engines.childPeakMiB(), 1), enginesAfterIdle: (await engines.children()).length } }),
    }
  } finally {
    engines.stop()
  }
}

async function measureTogether(options: ScenarioOptions): Promise<{ readonly rssMiB: number; readonly peakMiB: number }> {
  await using testbed = await startFleet(options, true)
  await installThenUpgrade(testbed, { ...options, names: appNames(options.n) })
  await pause(options.pace.restMs, undefined, { signal: options.signal })
  const [both] = testbed.controllers
  if (both === undefined) throw new Error('no process holds both')
  const { rssMiB, peakMiB } = await both.memory()
  return { rssMiB: round(rssMiB, 1), peakMiB: round(peakMiB, 1) }
}

function startFleet({ system, n, shape, pace, profile, onProgress, signal }: ScenarioOptions, together: boolean): ReturnType<typeof startTestbed> {
  return startTestbed({ system, files: fleetFiles(shape, appNames(n), 'first'), together, pace, profile, onProgress, signal })
}
