import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findAssets } from './build/assets.ts'
import type { FindAssetsOptions } from './build/assets.ts'
import type { ControlPlane, Fleet, PartName } from './control-plane.ts'
import { controlPlaneOf, stopParts } from './controls.ts'
import { partsOf } from './parts.ts'
import { findFreePort, saysPortTaken } from './processes/port.ts'
import { openRunFolder } from './processes/run-folder.ts'
import type { RunFolder } from './processes/run-folder.ts'
import { waitForApi, waitForFleet } from './ready.ts'
import { prepare } from './run.ts'
import type { Run } from './run.ts'
import type { CrashListener, Parts } from './run-parts.ts'
import { seed } from './seed.ts'

export interface ControlPlaneOptions extends FindAssetsOptions {
  readonly fleet: Fleet
  /** Keeps everything in this folder, to be started again. Default: a temporary folder, removed at the end. */
  readonly dir?: string | undefined
  /** Once it runs: told of a part that ends by itself. It is not started again. */
  readonly onCrash?: CrashListener | undefined
}

/**
 * Starts a control plane on loopback and resolves when it is ready. It ends with `stop`, and when this process ends, in
 * whatever way. The signal aborts the start only. ControlPlaneError `start` (its message has the end of the part's log),
 * `in-use`, `aborted`, and those of finding the programs.
 */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const binaries = await findAssets(partsOf(options.fleet), options)
  const folder = await openRunFolder(options.dir)
  try {
    return await startOnFreePort({ folder, binaries, options })
  } catch (error) {
    await folder.close()
    throw error
  }
}

interface Setup {
  readonly folder: RunFolder
  readonly binaries: Readonly<Partial<Record<PartName, string>>>
  readonly options: ControlPlaneOptions
}

const portAttempts = 5

async function startOnFreePort({ folder, binaries, options }: Setup): Promise<ControlPlane> {
  const { fleet, signal, onProgress, onCrash } = options
  const previousPort = readPort(folder.dir)
  for (let attempt = 1; ; attempt++) {
    const port = await findFreePort(attempt === 1 ? previousPort : undefined)
    const state = { isUp: false }
    const run = prepare({ folder, binaries, fleet, port, onCrash: (part, how) => state.isUp && onCrash?.(part, how) })
    try {
      await boot(run, { signal, onProgress })
      writeFileSync(join(folder.dir, 'port'), String(port))
      state.isUp = true
      return controlPlaneOf(run)
    } catch (error) {
      await stopParts(run, 'at once')
      if (attempt === portAttempts || !(await lostItsPort(run.parts))) throw error
    }
  }
}

/** The API server waits for etcd by itself, so both start at once. */
async function boot(run: Run, { signal, onProgress }: Pick<ControlPlaneOptions, 'signal' | 'onProgress'>): Promise<void> {
  const { fleet } = run.layout
  onProgress?.('starting etcd and kube-apiserver')
  await Promise.all([run.parts.start('etcd'), run.parts.start('kube-apiserver')])
  await waitForApi(run, signal)
  const others = partsOf(fleet).slice(2)
  if (others.length > 0) onProgress?.(`starting ${others.join(', ')}`)
  await Promise.all([seed(run.api, fleet), ...others.map((part) => run.parts.start(part))])
  if (fleet === 'full') await waitForFleet(run, signal)
}

async function lostItsPort(parts: Parts): Promise<boolean> {
  return saysPortTaken(await parts.lastWords('kube-apiserver'))
}

function readPort(dir: string): number | undefined {
  const path = join(dir, 'port')
  const port = existsSync(path) ? Number(readFileSync(path, 'utf8')) : Number.NaN
  return port > 0 && port < 65_536 ? port : undefined
}
