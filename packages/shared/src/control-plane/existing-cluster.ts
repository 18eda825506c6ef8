import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { kubectlBinary } from '@weir/shared/engine'
import { controllerNamespace, writeTokenKubeconfig } from './certificates/kubeconfig.ts'
import type { ClusterEntry } from './certificates/kubeconfig.ts'
import type { Cluster } from './control-plane.ts'
import { ControlPlaneError } from './control-plane-error.ts'
import { bindingOf } from './install.ts'
import type { Installable } from './install.ts'

export interface ExistingClusterOptions {
  /** Kubeconfig file of an administrator, of any kind that kubectl understands. */
  readonly kubeconfig: string
  /** Controllers that {@link Cluster.kubeconfig} can be asked for. */
  readonly users: readonly string[]
  readonly signal?: AbortSignal | undefined
}

/**
 * A cluster that somebody else runs. Each user is a ServiceAccount of namespace weir-system with a token for a day. `stop`
 * takes the administrator's rights back; namespaces and the controllers' accounts stay, as other tests may use them.
 * ControlPlaneError `start`, `aborted`.
 */
export async function useExistingCluster({ kubeconfig, users, signal }: ExistingClusterOptions): Promise<Cluster> {
  const kubectl = await createKubectl(kubeconfig, signal)
  const admin = `weir-admin-${randomBytes(4).toString('hex')}`
  const adminObjects = [accountOf(admin), bindingOf(admin, { kind: 'ClusterRole', name: 'cluster-admin' })]
  const cluster = clusterEntryOf(await kubectl(['config', 'view', '--raw', '--minify', '--flatten', '--output=json']))
  const dir = mkdtempSync(join(tmpdir(), 'weir-cluster-'))
  const state: { stopping?: Promise<void> } = {}
  const stop = (): Promise<void> => {
    rmSync(dir, { recursive: true, force: true })
    state.stopping ??= kubectl(['delete', '--ignore-not-found', '--filename=-'], listOf(adminObjects)).then(() => undefined)
    return state.stopping
  }
  try {
    await kubectl(['apply', '--server-side', '--filename=-'], listOf([...namespaces, ...users.map(accountOf), ...adminObjects]))
    const files = await writeTokens({ kubectl, cluster, dir, accounts: new Map([['admin', admin], ...users.map((user) => [user, user] as const)]) })
    return { url: cluster.server, kubeconfig: (user = 'admin') => fileOf(files, user), stop, [Symbol.asyncDispose]: stop }
  } catch (error) {
    await stop().catch(() => undefined) // what we could not make, we often cannot remove: the first error says why
    throw error
  }
}

interface TokenSpec {
  readonly kubectl: Kubectl
  readonly cluster: ClusterEntry
  readonly dir: string
  /** ServiceAccount of each user. */
  readonly accounts: ReadonlyMap<string, string>
}

async function writeTokens({ kubectl, cluster, dir, accounts }: TokenSpec): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>()
  for (const [user, account] of accounts) {
    const token = await kubectl(['create', 'token', account, `--namespace=${controllerNamespace}`, '--duration=24h'])
    const path = join(dir, `${user}.json`)
    writeTokenKubeconfig(path, { cluster, user, token: token.trim() })
    files.set(user, path)
  }
  return files
}

function fileOf(files: ReadonlyMap<string, string>, user: string): string {
  const file = files.get(user)
  if (file === undefined) throw new ControlPlaneError('unsupported', `no token was made for ${user}: name it among the users of this cluster`)
  return file
}

const namespaces: readonly Installable[] = [controllerNamespace, 'flux-system'].map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }))

function accountOf(name: string): Installable {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: controllerNamespace } }
}

function listOf(objects: readonly Installable[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects })
}

type Kubectl = (args: readonly string[], input?: string) => Promise<string>

const kubectlDeadlineMs = 60_000

async function createKubectl(kubeconfig: string, signal: AbortSignal | undefined): Promise<Kubectl> {
  const binary = await kubectlBinary({ signal })
  return (args, input) =>
    new Promise((resolve, reject) => {
      const options = { timeout: kubectlDeadlineMs, maxBuffer: 16 * 1024 * 1024, ...(signal === undefined ? {} : { signal }) }
      const child = execFile(binary, [`--kubeconfig=${kubeconfig}`, ...args], options, (error, out, complaint) => {
        if (error === null) return resolve(out)
        if (signal?.aborted) return reject(new ControlPlaneError('aborted', 'given up', { cause: error }))
        return reject(new ControlPlaneError('start', `kubectl ${args[0]} with ${kubeconfig}: ${complaint.trim() || error.message}`, { cause: error }))
      })
      child.stdin?.on('error', () => undefined) // it ended early: its exit says why
      child.stdin?.end(input)
    })
}

/** Server and how to trust it; the administrator's own credentials are not copied. */
function clusterEntryOf(config: string): ClusterEntry {
  const { clusters } = JSON.parse(config) as { readonly clusters?: readonly { readonly cluster?: ClusterEntry }[] | null }
  const entry = clusters?.[0]?.cluster
  if (entry === undefined) throw new ControlPlaneError('start', 'the kubeconfig names no cluster')
  return entry
}
