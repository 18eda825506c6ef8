import { bool, durationMs, findLeaseProblem, int, oneOf, parseFlags, sharedFlags, text, texts, type FlagValues, type Gate, type ParsedFlags } from '@weir/shared/runtime'

/** Flags of source-controller, with Flux's names (docs/spec/flags.md). */
export const sourceFlags = {
  ...sharedFlags,
  'metrics-addr': text(':8080', sharedFlags['metrics-addr'].meaning, { env: 'METRICS_ADDR' }),
  'events-addr': text('', sharedFlags['events-addr'].meaning, { env: 'EVENTS_ADDR' }),
  'storage-path': text('/data', 'Folder of the artifacts, used by this process alone.', { env: 'STORAGE_PATH' }),
  'storage-addr': text(':9090', 'Address that artifacts are served on.', { env: 'STORAGE_ADDRESS' }),
  'storage-adv-addr': text('', 'Address in the URLs of artifacts; unset: taken from where they are served.', { env: 'STORAGE_ADV_ADDR' }),
  'artifact-retention-ttl': durationMs(60_000, 'How long a superseded artifact is kept.'),
  'artifact-retention-records': int(2, 'How many artifacts of an object are kept at most.'),
  'artifact-digest-algo': oneOf(['sha256', 'sha384', 'sha512'], 'sha256', 'Digest of artifacts.'),
  'ssh-kex-algos': texts([], 'Key exchange algorithms of SSH, OpenSSH names; unset: its defaults.'),
  'ssh-hostkey-algos': texts([], 'Host key algorithms of SSH, OpenSSH names; unset: its defaults.'),
  'git-cache-path': text('', 'Folder of the Git mirrors, used by this process alone; unset: a folder beside the artifacts.', { env: 'GIT_CACHE_PATH' }),
  'no-cross-namespace-refs': bool(false, 'Refuse references to other namespaces.', { support: 'refused' }),
  'default-service-account': text('', 'ServiceAccount whose cloud identity is used where the object names none.', { support: 'refused' }),
  'helm-index-max-size': int(52_428_800, 'Largest index of a Helm repository.', { support: 'ignored' }),
  'helm-chart-max-size': int(10_485_760, 'Largest Helm chart.', { support: 'ignored' }),
  'helm-chart-file-max-size': int(5_242_880, 'Largest file in a Helm chart.', { support: 'ignored' }),
  'helm-cache-max-size': int(0, 'Indexes kept in memory.', { support: 'ignored' }),
  'helm-cache-ttl': durationMs(900_000, 'How long an index is kept in memory.', { support: 'ignored' }),
  'helm-cache-purge-interval': durationMs(60_000, 'How often kept indexes are looked through.', { support: 'ignored' }),
} as const

const off = (meaning: string): Gate => ({ default: false, meaning, support: 'ignored' })

/** Feature gates of source-controller. */
export const sourceGates: Readonly<Record<string, Gate>> = {
  CacheSecretsAndConfigMaps: off('Keep referenced Secrets in memory. Only what watches them is.'),
  ObjectLevelWorkloadIdentity: off('Retired: accepted and without effect.'),
}

export type SourceFlags = FlagValues<typeof sourceFlags>

/** What `start` is given. */
export interface SourceOptions {
  readonly flags: SourceFlags
  readonly gates: ReadonlyMap<string, boolean>
  /** undefined: all namespaces. */
  readonly namespace: string | undefined
  /** Replaces the host of artifact URLs, for development outside of a cluster. */
  readonly hostname: string | undefined
  /** The process's own environment: git needs PATH, proxies and certificate folders of it. */
  readonly environment: Readonly<Record<string, string | undefined>>
}

export type ParsedOptions = { readonly ok: true; readonly options: SourceOptions; readonly ignored: readonly string[] } | Extract<ParsedFlags<unknown>, { ok: false }>

/** Reads command line and environment. */
export function parseOptions(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): ParsedOptions {
  const parsed = parseFlags({ flags: sourceFlags, gates: sourceGates, argv, env })
  if (!parsed.ok) return parsed
  const problem = findLeaseProblem(parsed.flags)
  if (problem !== undefined) return { ok: false, exitCode: 2, message: problem }
  const namespace = parsed.flags['watch-all-namespaces'] ? undefined : env['RUNTIME_NAMESPACE'] || undefined
  if (!parsed.flags['watch-all-namespaces'] && namespace === undefined) {
    return { ok: false, exitCode: 2, message: '--watch-all-namespaces=false needs RUNTIME_NAMESPACE to say which one' }
  }
  const options = { flags: parsed.flags, gates: parsed.gates, namespace, hostname: env['HOSTNAME'] || undefined, environment: env }
  return { ok: true, options, ignored: parsed.ignored }
}
