import { homedir } from 'node:os'
import { join } from 'node:path'

/** Where built parts are kept: `$XDG_CACHE_HOME/weir` or `~/.cache/weir`. */
export function defaultCacheDir(): string {
  const cacheHome = process.env['XDG_CACHE_HOME']
  return join(cacheHome === undefined || cacheHome === '' ? join(homedir(), '.cache') : cacheHome, 'weir')
}

/** Folder with ready binaries, as envtest names it: `KUBEBUILDER_ASSETS`. */
export function readyAssets(): string | undefined {
  return process.env['KUBEBUILDER_ASSETS'] || undefined
}

/** Kubeconfig of an existing cluster that tests may use. An ambient `KUBECONFIG` is never read. */
export function existingClusterKubeconfig(): string | undefined {
  return process.env['WEIR_TEST_KUBECONFIG'] || undefined
}

/** Go keeps the machine's proxy, caches and toolchain; what shapes the program is ours. */
export function goEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '', GOOS: '', GOARCH: '' }
}

/** A part sees nothing of our environment but where programs and temporary files are. */
export function partEnvironment(): NodeJS.ProcessEnv {
  const { PATH, TMPDIR, HOME, TZ } = process.env
  return Object.fromEntries(Object.entries({ PATH, TMPDIR, HOME, TZ }).filter(([, value]) => value !== undefined))
}
