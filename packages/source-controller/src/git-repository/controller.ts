import { apiVersionOf, gitRepositoryKind, type GitRepository } from '@weir/shared/api'
import { decodeGitRepository } from '@weir/shared/api/schemas'
import type { Store } from '@weir/shared/artifact'
import { artifactReadyId, type Recorder } from '@weir/shared/events'
import type { Git } from '@weir/shared/git'
import { createCache, watchReferences, type KubeObject } from '@weir/shared/kube'
import { fieldAt, isFields } from '@weir/shared/manifest'
import { createController, createLimit, decodeStored, keyOf, textOf, type Controller, type Host, type Key, type OnStep, type RunEnd, type Stored } from '@weir/shared/runtime'
import { finalizeGitRepository } from './finalize.ts'
import type { Deps } from './ports.ts'
import { reconcileGitRepository } from './reconcile.ts'
import { gitRepositoryTable } from './table.ts'

export interface GitRepositoryParts {
  readonly host: Host
  readonly recorder: Recorder
  readonly git: Git
  /** undefined: all namespaces. */
  readonly namespace: string | undefined
  readonly labelSelector: string
  readonly concurrent: number | undefined
  readonly retry: { readonly minMs: number; readonly maxMs: number }
  readonly jitterPercent: number
  readonly onStep?: OnStep
}

export interface GitRepositoryController {
  /** The own kind's cache is synced: a follower is ready then. */
  readonly synced: Promise<unknown>
  /** Starts to work, once leading. */
  start(store: Store): Promise<void>
  readonly controller: Controller
  close(): void
}

/** What wakes GitRepositories: themselves, the Secrets they name, and the bus. */
export function createGitRepositoryController(parts: GitRepositoryParts): GitRepositoryController {
  const { host, namespace, labelSelector } = parts
  const { kube, signal, telemetry } = host
  const cache = createCache({
    kube,
    kind: gitRepositoryKind,
    decode: decodeStored(decodeGitRepository),
    signal,
    ...(namespace === undefined ? {} : { namespace }),
    ...(labelSelector === '' ? {} : { labelSelector }),
  })
  cache.synced.catch(() => undefined) // told by `synced`
  const references = watchReferences({
    kube,
    signal,
    onChange: (owner) => controller.wake(keyFrom(owner), 'dependency'),
    onTrouble: ({ kind, namespace: of }, error) => telemetry.log.error('references cannot be watched: a change is seen at the next interval', { kind, namespace: of, error }),
  })
  const subjects = new Map<string, string>()
  const opened: { store?: Store } = {}
  const deps: Deps = {
    git: parts.git,
    clock: host.clock,
    get store() {
      if (opened.store === undefined) throw new Error('artifacts are stored once leading')
      return opened.store
    },
    async readSecret(of, name, until) {
      const secret = await references.read({ kind: 'Secret', namespace: of, name }, until)
      return secret && dataOf(secret)
    },
    remember: (repository, subject) => void subjects.set(textOf(keyOf(repository.metadata)), subject),
    tellCorrupt(repository, artifact) {
      const message = `artifact of revision '${artifact.revision}' does not have its digest any more: it is removed and built anew`
      parts.recorder.record({ object: objectOf(repository), type: 'Warning', reason: 'ArtifactVerificationFailed', message })
    },
  }
  const controller: Controller = createController<GitRepository>({
    table: gitRepositoryTable(subjects),
    kube,
    cache,
    clock: host.clock,
    telemetry,
    recorder: parts.recorder,
    limit: createLimit(parts.concurrent),
    retry: parts.retry,
    jitterPercent: parts.jitterPercent,
    reconcile: (repository, step) => reconcileGitRepository(repository, deps, step),
    finalize: (_stored, step, run) => finalizeGitRepository(run.key, deps, step),
    settled: (end) => announceArtifact(host, end),
    removed: (key) => references.remove(textOf(key)),
    ...(parts.onStep ? { onStep: parts.onStep } : {}),
  })
  const index = (stored: Stored<GitRepository>): void => {
    if (!stored.ok) return
    const { metadata, spec } = stored.value
    const name = spec.secretRef?.name
    references.set(textOf(keyOf(metadata)), name === undefined ? [] : [{ kind: 'Secret', namespace: metadata.namespace ?? '', name }])
  }
  return {
    synced: cache.synced,
    controller,
    async start(store) {
      opened.store = store
      await cache.synced
      for (const stored of cache.list()) index(stored)
      cache.onChange(({ after }) => after && index(after))
      host.bus.subscribe({ type: 'reconcile-requested', kind: gitRepositoryKind.kind }, ({ subject, traceparent }) =>
        controller.wake({ namespace: subject.namespace, name: subject.name }, 'token', traceparent === undefined ? {} : { traceparent }),
      )
      await controller.start()
    },
    close: () => references.close(),
  }
}

/** After the status write that holds the artifact was answered: whoever hears of it finds it there. */
function announceArtifact({ bus }: Host, { key, before, after }: RunEnd<GitRepository>): void {
  const artifact = after.status?.artifact
  const { uid = '', resourceVersion = '' } = after.metadata
  const isNew = artifact !== undefined && (artifact.digest !== before.status?.artifact?.digest || artifact.revision !== before.status.artifact.revision)
  if (!isNew) return
  bus.publish({
    type: 'artifact-ready',
    subject: { kind: gitRepositoryKind.kind, ...key },
    id: artifactReadyId(uid, resourceVersion),
    facts: { resourceVersion, revision: artifact.revision, digest: artifact.digest },
  })
}

function objectOf({ metadata }: GitRepository): { readonly apiVersion: string; readonly kind: string; readonly metadata: GitRepository['metadata'] } {
  return { apiVersion: apiVersionOf(gitRepositoryKind), kind: gitRepositoryKind.kind, metadata }
}

function keyFrom(owner: string): Key {
  const slash = owner.indexOf('/')
  return { namespace: owner.slice(0, slash), name: owner.slice(slash + 1) }
}

/** base64 by key, as the API server gives it. */
function dataOf(secret: KubeObject): Readonly<Record<string, string>> {
  const data = fieldAt(secret, 'data')
  if (!isFields(data)) return {}
  return Object.fromEntries(Object.entries(data).filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
}
