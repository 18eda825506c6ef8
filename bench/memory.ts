import { setTimeout as pause } from 'node:timers/promises'
import { startPlatform, type ControllerName } from '../e2e/platform.ts'
import { round } from './figures.ts'
import { appNames, fleetFiles } from './fleet.ts'
import { installThenUpgrade, restMs } from './mttp.ts'
import { sampleChildren } from './processes.ts'
import type { Scenario, ScenarioOptions } from './scenario.ts'
import { startTestbed } from './testbed.ts'

/** An engine process without work ends after a minute; a little more, as timers are not exact. */
const idleMs = 65_000

/** What the processes hold with the fleet of `mttp` in them, one process each and both in one. */
export const memory: Scenario = {
  n: 1000,
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
    const starts = await measureStarts(options)
    const apart = await measureApart(options)
    const together = await measureTogether(options)
    return {
      n: options.n,
      shape: options.shape,
      perController: apart.rssMiB,
      peakMiB: { ...apart.peakMiB, all: together.peakMiB },
      peakApart: Math.max(...Object.values(apart.peakMiB)),
      peakTogether: together.peakMiB,
      allInOneMiB: together.rssMiB,
      engineMiB: apart.engineMiB,
      enginesAfterIdle: apart.enginesAfterIdle,
      startMs: Math.max(...Object.values(starts)),
      startMsPerController: starts,
    }
  },
}

const controllers: readonly ControllerName[] = ['source-controller', 'kustomize-controller']

/** Second starts: as in an image, what V8 compiled is there. One after the other. */
async function measureStarts({ onProgress }: ScenarioOptions): Promise<Readonly<Record<string, number>>> {
  onProgress('memory: starts')
  await using platform = await startPlatform({ fleet: 'api', onProgress })
  const starts: Record<string, number> = {}
  for (const controller of controllers) {
    const first = await platform.start(controller)
    await first.kill('SIGTERM')
    starts[controller] = Math.round((await platform.start(controller)).startMs)
  }
  return starts
}

interface Apart {
  readonly rssMiB: Readonly<Record<string, number>>
  readonly peakMiB: Readonly<Record<string, number>>
  readonly engineMiB: number
  readonly enginesAfterIdle: number
}

async function measureApart(options: ScenarioOptions): Promise<Apart> {
  await using testbed = await startFleet(options, false)
  const engines = sampleChildren(testbed.platform.controller('kustomize-controller').pid)
  try {
    await installThenUpgrade(testbed, { ...options, names: appNames(options.n) })
    await pause(restMs, undefined, { signal: options.signal })
    const found = await Promise.all(controllers.map(async (name) => [name, await testbed.platform.controller(name).memory()] as const))
    options.onProgress(`memory: apart ${JSON.stringify(found)}`)
    await pause(Math.max(0, idleMs - restMs), undefined, { signal: options.signal })
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
  const { rssMiB, peakMiB } = await testbed.platform.controller('kustomize-controller').memory()
  return { rssMiB: round(rssMiB, 1), peakMiB: round(peakMiB, 1) }
}

function startFleet({ n, shape, profile, onProgress, signal }: ScenarioOptions, together: boolean): ReturnType<typeof startTestbed> {
  return startTestbed({ files: fleetFiles(shape, appNames(n), 'first'), together, profile, onProgress, signal })
}
