import { bool, findLeaseProblem, int, parseFlags, sharedFlags, text, texts, type FlagValues, type Gate, type ParsedFlags } from '@weir/shared/runtime'

/** Flags of kustomize-controller, with Flux's names (docs/spec/flags.md). */
export const kustomizeFlags = {
  ...sharedFlags,
  'http-retry': int(9, 'How often the download of an artifact is tried again.'),
  'concurrent-ssa': int(4, 'Dry runs and applies of one Kustomization that may run at once.'),
  'no-remote-bases': bool(false, 'Refuse kustomizations that name a URL. They are refused in any case: remote bases are not built yet.'),
  'override-manager': texts([], 'Field manager whose fields are taken over, beside kubectl; repeatable.'),
  'override-manager-before-dry-run': texts([], 'Field manager whose fields are taken over before the dry run; repeatable.', { support: 'ignored' }),
  'custom-apply-stage-kinds': text('', 'Kinds applied in a stage of their own before the rest: group/Kind,group/Kind.'),
  'watch-configs-label-selector': text(
    'reconcile.fluxcd.io/watch=Enabled',
    'Labels of the ConfigMaps and Secrets whose change wakes who refers to them. All that are referred to are watched, labelled or not.',
    { support: 'ignored' },
  ),
  'no-cross-namespace-refs': bool(false, 'Refuse references to other namespaces.', { support: 'refused' }),
  'default-service-account': text('', 'ServiceAccount to act as where the object names none.', { support: 'refused' }),
  'default-decryption-service-account': text('', 'ServiceAccount to decrypt as where the object names none.', { support: 'ignored' }),
  'default-kubeconfig-service-account': text('', 'ServiceAccount to reach remote clusters as where the object names none.', { support: 'ignored' }),
  'insecure-kubeconfig-exec': bool(false, 'Allow exec in the kubeconfigs of remote clusters.', { support: 'ignored' }),
  'insecure-kubeconfig-tls': bool(false, 'Allow unverified TLS in the kubeconfigs of remote clusters.', { support: 'ignored' }),
  'sops-age-secret': text('', 'Secret with age keys for all namespaces.', { support: 'ignored' }),
  'sops-vault-configmap': text('', 'ConfigMap that says how to log in to Vault.', { support: 'ignored' }),
  'cache-path': text('', 'Folder for unpacked artifacts, used by this process alone; unset: a folder in the temporary directory.', { env: 'CACHE_PATH' }),
  'kustomize-engine': text('', 'Path of the kustomize service; unset: the one that belongs to this version.', { env: 'KUSTOMIZE_ENGINE' }),
} as const

const off = (meaning: string, support: Gate['support']): Gate => ({ default: false, meaning, support })

/** Feature gates of kustomize-controller. */
export const kustomizeGates: Readonly<Record<string, Gate>> = {
  StrictPostBuildSubstitutions: { default: true, meaning: 'A variable without a value fails the build.', support: 'built' },
  DisableStatusPollerCache: { default: true, meaning: 'Health is read by watch: there is no such cache.', support: 'ignored' },
  ExternalArtifact: off('Kustomizations may build the artifact of an ExternalArtifact.', 'built'),
  DisableFailFastBehavior: off('A wait goes on until every object is either current or failed.', 'built'),
  CancelHealthCheckOnNewRevision: off('A newer revision ends a running wait. It always does.', 'ignored'),
  DisableCommitStatusEvent: off('No event for a success that changed nothing.', 'built'),
  DisableConfigWatchers: off('Do not watch referenced ConfigMaps and Secrets.', 'ignored'),
  CacheSecretsAndConfigMaps: off('Keep referenced Secrets and ConfigMaps in memory. Only their digests are.', 'ignored'),
  GroupChangeLog: off('Group the lines of the change list by kind.', 'ignored'),
  AdditiveCELDependencyCheck: off('readyExpr is checked beside the built-in check. It is not built yet and refused where used.', 'ignored'),
  DirectSourceFetch: off('Read sources from the API server instead of the cache.', 'ignored'),
  MigrateAPIVersion: off('Rewrite the API version in managedFields before applying.', 'ignored'),
  ObjectLevelWorkloadIdentity: off('Retired: accepted and without effect.', 'ignored'),
}

export type KustomizeFlags = FlagValues<typeof kustomizeFlags>

/** What `start` is given. */
export interface KustomizeOptions {
  readonly flags: KustomizeFlags
  readonly gates: ReadonlyMap<string, boolean>
  /** undefined: all namespaces. */
  readonly namespace: string | undefined
}

export type ParsedOptions = { readonly ok: true; readonly options: KustomizeOptions; readonly ignored: readonly string[] } | Extract<ParsedFlags<unknown>, { ok: false }>

/** Reads command line and environment. */
export function parseOptions(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): ParsedOptions {
  const parsed = parseFlags({ flags: kustomizeFlags, gates: kustomizeGates, argv, env })
  if (!parsed.ok) return parsed
  const problem = findLeaseProblem(parsed.flags)
  if (problem !== undefined) return { ok: false, exitCode: 2, message: problem }
  const namespace = parsed.flags['watch-all-namespaces'] ? undefined : env['RUNTIME_NAMESPACE'] || undefined
  if (!parsed.flags['watch-all-namespaces'] && namespace === undefined) {
    return { ok: false, exitCode: 2, message: '--watch-all-namespaces=false needs RUNTIME_NAMESPACE to say which one' }
  }
  return { ok: true, options: { flags: parsed.flags, gates: parsed.gates, namespace }, ignored: parsed.ignored }
}
