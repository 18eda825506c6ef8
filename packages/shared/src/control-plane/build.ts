import type { AssetName, Assets } from './assets.ts'

export interface BuildOptions<N extends AssetName = AssetName> {
  /** Default: all of them. */
  readonly only?: readonly N[] | undefined
  /** Folder that keeps what was built. Default: `$XDG_CACHE_HOME/weir` or `~/.cache/weir`. */
  readonly cacheDir?: string | undefined
  /** The Go modules that pin the parts. Default: `e2e/control-plane` of this checkout. */
  readonly modulesDir?: string | undefined
  readonly onProgress?: ((line: string) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

export async function buildControlPlane<N extends AssetName = AssetName>(options: BuildOptions<N> = {}): Promise<Pick<Assets, N>> {
  throw new Error(`${options.cacheDir}: not built yet`)
}
