import { globSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { flagsOf, flagsPage, gatesOf } from './flags-page.ts'
import type { Options } from './flags-page.ts'

const root = new URL('..', import.meta.url).pathname
const paths = globSync('packages/*-controller/src/options.ts', { cwd: root })
const all: readonly Options[] = await Promise.all(
  paths.map(async (path) => ({ controller: path.split('/')[1] ?? '', exports: await import(join(root, path)) })),
)

/** What Flux's controllers accept, by name and default: a command line is taken over as it is. */
const everywhere = {
  'metrics-addr': ':8080',
  'health-addr': ':9440',
  'events-addr': '',
  'requeue-dependency': 30_000,
  'interval-jitter-percentage': 5,
  'min-retry-delay': 750,
  'max-retry-delay': 900_000,
  'watch-all-namespaces': true,
  'watch-label-selector': '',
  'default-service-account': '',
  'kube-api-qps': 50,
  'kube-api-burst': 300,
  'log-encoding': 'json',
  'log-level': 'info',
  'enable-leader-election': false,
  'leader-election-release-on-cancel': true,
  'leader-election-lease-duration': 35_000,
  'leader-election-renew-deadline': 30_000,
  'leader-election-retry-period': 5_000,
  'feature-gates': '',
  'token-cache-max-size': 100,
  'token-cache-max-duration': 3_600_000,
}
const flags: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'source-controller': {
    ...everywhere,
    'storage-path': '/data',
    'storage-addr': ':9090',
    'storage-adv-addr': '',
    'artifact-retention-ttl': 60_000,
    'artifact-retention-records': 2,
    'artifact-digest-algo': 'sha256',
    'helm-index-max-size': 52_428_800,
    'helm-chart-max-size': 10_485_760,
    'helm-chart-file-max-size': 5_242_880,
    'helm-cache-max-size': 0,
    'helm-cache-ttl': 900_000,
    'helm-cache-purge-interval': 60_000,
    'ssh-kex-algos': [],
    'ssh-hostkey-algos': [],
  },
  'kustomize-controller': {
    ...everywhere,
    'watch-configs-label-selector': 'reconcile.fluxcd.io/watch=Enabled',
    'no-cross-namespace-refs': false,
    'default-decryption-service-account': '',
    'default-kubeconfig-service-account': '',
    'http-retry': 9,
    'insecure-kubeconfig-exec': false,
    'insecure-kubeconfig-tls': false,
    'concurrent-ssa': 4,
    'no-remote-bases': false,
    'override-manager': [],
    'override-manager-before-dry-run': [],
    'custom-apply-stage-kinds': [],
    'sops-age-secret': '',
    'sops-vault-configmap': '',
  },
}
const gates: Readonly<Record<string, Readonly<Record<string, boolean>>>> = {
  'source-controller': { CacheSecretsAndConfigMaps: false, ObjectLevelWorkloadIdentity: false },
  'kustomize-controller': {
    StrictPostBuildSubstitutions: true,
    DisableStatusPollerCache: true,
    CacheSecretsAndConfigMaps: false,
    DisableFailFastBehavior: false,
    GroupChangeLog: false,
    AdditiveCELDependencyCheck: false,
    ExternalArtifact: false,
    CancelHealthCheckOnNewRevision: false,
    DisableConfigWatchers: false,
    DirectSourceFetch: false,
    MigrateAPIVersion: false,
    ObjectLevelWorkloadIdentity: false,
    DisableCommitStatusEvent: false,
  },
}
/** What would loosen security if it were ignored. */
const refusedUnlessBuilt = ['no-cross-namespace-refs', 'default-service-account'] as const

describe.each(Object.keys(flags))('the flags of %s', (controller) => {
  const options = all.find((one) => one.controller === controller) ?? { controller, exports: {} }

  it('are all those of Flux, with its defaults', () => {
    expect(defaultsOf(flagsOf(options), Object.keys(flags[controller] ?? {}))).toEqual(
      Object.fromEntries(Object.entries(flags[controller] ?? {}).map(([name, preset]) => [name, asText(preset)])),
    )
    expect(flagsOf(options).has('concurrent')).toBe(true)
  })

  it('are never ignored where that would be unsafe', () => {
    for (const name of refusedUnlessBuilt) expect(flagsOf(options).get(name)?.support).not.toBe('ignored')
  })

  it('come with all the gates of Flux, with its defaults', () => {
    expect(defaultsOf(gatesOf(options), Object.keys(gates[controller] ?? {}))).toEqual(
      Object.fromEntries(Object.entries(gates[controller] ?? {}).map(([name, preset]) => [name, asText(preset)])),
    )
  })
})

describe('the page of flags', () => {
  it('has a row for each flag and gate', () => {
    const flag = { default: 5, meaning: 'How many.', support: 'built', read: Number, show: String }
    const gate = { default: true, meaning: 'Whether | or not.', support: 'ignored' }
    const page = flagsPage([{ controller: 'toy-controller', exports: { flags: { 'nats-url': flag }, gates: { Toy: gate }, start: () => 1 } }])
    expect(page).toContain("## toy-controller\n\n| flag | default | | meaning |\n| --- | --- | --- | --- |\n| `--nats-url` | `5` | built | How many. Weir's own. |")
    expect(page).toContain('| `Toy` | `true` | ignored | Whether \\| or not. |')
  })
})

function defaultsOf(declared: ReadonlyMap<string, { readonly default: unknown }>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, declared.has(name) ? asText(declared.get(name)?.default) : 'not declared']))
}

/** An empty list and an empty text are the same default on a command line. */
function asText(value: unknown): string {
  return Array.isArray(value) ? value.join(',') : String(value)
}
