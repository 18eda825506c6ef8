import { apiVersionOf, gitRepositoryKind, type GitRepository } from '@weir/shared/api'
import { decodeGitRepository } from '@weir/shared/api/schemas'
import type { Store } from '@weir/shared/artifact'
import { artifactReadyId, type Recorder } from '@weir/shared/events'
import type { Git } from '@weir/shared/git'
import { createCache, watchReferences, type Cache, type KubeObject, type References } from '@weir/shared/kube'
import { fieldAt, isFields } from '@weir/shared/manifest'
import { createController, decodeStored, keyFrom, keyOf, textOf, type Controller, type Host, type OnStep, type RunEnd, type Stored } from '@weir/shared/runtime'
import { finalizeGitRepository } from './finalize.ts'
import { keepNamedMirrors } from './mirrors.ts'
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

/** What the parts of the wiring share; the store is there once leading. */
interface Wiring {
  readonly parts: GitRepositoryParts
  readonly cache: Cache<Stored<GitRepository>>
  readonly references: References
  /** First lines of commits that were stored and not yet told, by key. */
  readonly subjects: Map<string, string>
  store: Store | undefined
}

/** What wakes GitRepositories: themselves, the Secrets they name, and the bus. */
export function createGitRepositoryController(parts: GitRepositoryParts): GitRepositoryController {
  const { kube, signal, telemetry } = parts.host
  const references = watchReferences({
    kube,
    signal,
    onChange: (owner) => controller.wake(keyFrom(owner), 'dependency'),
    onTrouble: ({ kind, namespace }, error) => telemetry.log.error('references cannot be watched: a change is seen at the next interval', { kind, namespace, error }),
  })
  const wiring: Wiring = { parts, cache: openCache(parts), references, subjects: new Map(), store: undefined }
  const controller = buildController(wiring)
  return {
    synced: wiring.cache.synced,
    controller,
    async start(store) {
      wiring.store = store
      await wiring.cache.synced
      for (const stored of wiring.cache.list()) follow(wiring, stored)
      wiring.cache.onChange(({ after }) => after && follow(wiring, after))
      keepNamedMirrors({ git: parts.git, cache: wiring.cache, telemetry })
      parts.host.bus.subscribe({ type: 'reconcile-requested', kind: gitRepositoryKind.kind }, ({ subject, traceparent }) =>
        controller.wake({ namespace: subject.namespace, name: subject.name }, 'token', traceparent === undefined ? {} : { traceparent }),
      )
      await controller.start()
    },
    close: () => references.close(),
  }
}

function openCache({ host, namespace, labelSelector }: GitRepositoryParts): Cache<Stored<GitRepository>> {
  const cache = createCache({
    kube: host.kube,
    kind: gitRepositoryKind,
    decode: decodeStored(decodeGitRepository),
    signal: host.signal,
    ...(namespace === undefined ? {} : { namespace }),
    ...(labelSelector === '' ? {} : { labelSelector }),
  })
  cache.synced.catch(() => undefined) // told by the controller's `synced`
  return cache
}

function buildController(wiring: Wiring): Controller {
  const { parts, cache, references, subjects } = wiring
  const { host } = parts
  const deps = createDeps(wiring)
  return createController<GitRepository>({
    table: gitRepositoryTable(subjects),
    kube: host.kube,
    cache,
    clock: host.clock,
    telemetry: host.telemetry,
    recorder: parts.recorder,
    limit: host.limit(parts.concurrent),
    retry: parts.retry,
    jitterPercent: parts.jitterPercent,
    reconcile: (repository, step) => reconcileGitRepository(repository, deps, step),
    finalize: (_stored, step, run) => finalizeGitRepository(run.key, deps, step),
    settled: (end) => announceArtifact(host, end),
    removed(key) {
      references.remove(textOf(key))
      subjects.delete(textOf(key))
    },
    ...(parts.onStep ? { onStep: parts.onStep } : {}),
  })
}

function createDeps(wiring: Wiring): Deps {
  const { parts, references, subjects } = wiring
  return {
    git: parts.git,
    clock: parts.host.clock,
    get store() {
      if (wiring.store === undefined) throw new Error('artifacts are stored once leading')
      return wiring.store
    },
    async readSecret(namespace, name, signal) {
      const secret = await references.read({ kind: 'Secret', namespace, name }, signal)
      return secret && dataOf(secret)
    },
    remember: (repository, subject) => void subjects.set(textOf(keyOf(repository.metadata)), subject),
    tellCorrupt(repository, artifact) {
      const message = `artifact of revision '${artifact.revision}' does not have its digest any more: it is removed and built anew`
      parts.recorder.record({ object: objectOf(repository), type: 'Warning', reason: 'ArtifactVerificationFailed', message })
    },
  }
}

/** Sees to it that a change of the Secret wakes the repository. */
function follow({ references }: Wiring, stored: Stored<GitRepository>): void {
  if (!stored.ok) return
  const { metadata, spec } = stored.value
  const name = spec.secretRef?.name
  references.set(textOf(keyOf(metadata)), name === undefined ? [] : [{ kind: 'Secret', namespace: metadata.namespace ?? '', name }])
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

/** base64 by key, as the API server gives it. */
function dataOf(secret: KubeObject): Readonly<Record<string, string>> {
  const data = fieldAt(secret, 'data')
  if (!isFields(data)) return {}
  return Object.fromEntries(Object.entries(data).filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
}
