import { access, constants } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { buildControlPlane } from './build.ts'
import type { PartName } from '../control-plane.ts'
import { ControlPlaneError } from '../control-plane-error.ts'
import { readyAssets } from '../options.ts'

export type AssetName = PartName | 'nats-server'

/** Path of each program. */
export type Assets = Readonly<Record<AssetName, string>>

export interface FindAssetsOptions {
  /** Folder with ready binaries. Default: `KUBEBUILDER_ASSETS`; without it the programs are built with Go, once. */
  readonly assets?: string | undefined
  /** Folder that keeps what was built. Default: `$XDG_CACHE_HOME/weir` or `~/.cache/weir`. */
  readonly cacheDir?: string | undefined
  /** Told what takes long, one line at a time. */
  readonly onProgress?: ((line: string) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/** The programs asked for: ready ones if there is a folder of them, else built. ControlPlaneError `assets`, or as building. */
export async function findAssets<N extends AssetName>(names: readonly N[], options: FindAssetsOptions = {}): Promise<Pick<Assets, N>> {
  const ready = options.assets ?? readyAssets()
  return ready === undefined ? buildControlPlane({ ...options, only: names }) : readAssets(names, resolve(ready))
}

async function readAssets<N extends AssetName>(names: readonly N[], dir: string): Promise<Pick<Assets, N>> {
  const paths = Object.fromEntries(names.map((name) => [name, join(dir, name)])) as Pick<Assets, N>
  const missing = await Promise.all(names.map(async (name) => ((await isExecutable(paths[name])) ? [] : [name])))
  if (missing.flat().length === 0) return paths
  throw new ControlPlaneError(
    'assets',
    `${dir} has no ${missing.flat().join(', ')}: add what is missing, or unset KUBEBUILDER_ASSETS to build everything with Go`,
  )
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(() => true, () => false)
}
