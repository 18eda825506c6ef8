import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findAssets } from './assets.ts'
import type { FindAssetsOptions } from './assets.ts'
import type { ControlPlane, Fleet } from './control-plane.ts'
import { controlPlaneOf, stopParts } from './controls.ts'
import { partsOf } from './parts.ts'
import { findFreePort, saysPortTaken } from './processes/port.ts'
import { openRunFolder } from './processes/run-folder.ts'
import { waitForApi, waitForFleet } from './ready.ts'
import { prepare } from './run.ts'
import type { Run } from './run.ts'
import type { Parts } from './run-parts.ts'
import { seed } from './seed.ts'

export interface ControlPlaneOptions extends FindAssetsOptions {
  readonly fleet: Fleet
  /** Keeps everything in this folder, to be started again. Default: a temporary folder, removed at the end. */
  readonly dir?: string | undefined
}

/**
 * Starts a control plane on loopback and resolves when it is ready. It ends with `stop`, and when this process ends, in
 * whatever way. The signal aborts the start only. ControlPlaneError `start` (its message has the end of the part's log),
 * `in-use`, `aborted`, and those of finding the programs.
 */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const binaries = await findAssets(partsOf(options.fleet), options)
  const folder = await openRunFolder(options.dir)
  const preferredPort = readPort(folder.dir)
  for (let attempt = 1; ; attempt++) {
    const port = await findFreePort(attempt === 1 ? preferredPort : undefined)
    const run = prepare({ folder, binaries, fleet: options.fleet, port })
    try {
      await boot(run, options.signal)
      writeFileSync(join(folder.dir, 'port'), String(port))
      return controlPlaneOf(run)
    } catch (error) {
      await stopParts(run, 'at once')
      if (attempt < 5 && (await lostItsPort(run.parts))) continue
      await folder.close()
      throw error
    }
  }
}

/** The API server waits for etcd by itself, so both start at once. */
async function boot(run: Run, signal: AbortSignal | undefined): Promise<void> {
  await Promise.all([run.parts.start('etcd'), run.parts.start('kube-apiserver')])
  await waitForApi(run, signal)
  const { fleet } = run.layout
  const others = partsOf(fleet).slice(2)
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
