import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { annotations, conditionTypes, gitRepositoryKind, kustomizationKind, type Condition, type GitRepository, type Kind, type Kustomization } from '@weir/shared/api'
import type { Kube, KubeObject } from '@weir/shared/kube'
import { expectStatus } from '@weir/shared/testing'

/** Files of a folder by relative path, as a commit takes them. */
export async function readFolder(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name)).sort()
  return Object.fromEntries(await Promise.all(files.map(async (file) => [path.relative(folder, file), await readFile(file, 'utf8')] as const)))
}

/** Asks until there is an answer; the error says what was waited for and what was last seen. */
export async function until<T>(what: string, look: () => Promise<T | undefined>, options: { readonly timeoutMs?: number; readonly everyMs?: number; readonly seen?: () => unknown } = {}): Promise<T> {
  const { timeoutMs = 60_000, everyMs = 20, seen } = options
  const endMs = performance.now() + timeoutMs
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (performance.now() > endMs) throw new Error(`not within ${timeoutMs / 1000} s: ${what}${seen ? `; last seen: ${JSON.stringify(seen())}` : ''}`)
    await pause(everyMs)
  }
}

export interface Named {
  readonly namespace: string
  readonly name: string
}

export async function readKustomization(kube: Kube, { namespace, name }: Named): Promise<Kustomization | undefined> {
  return (await kube.get({ resource: kustomizationKind, namespace, name })) as Kustomization | undefined
}

export async function readRepository(kube: Kube, { namespace, name }: Named): Promise<GitRepository | undefined> {
  return (await kube.get({ resource: gitRepositoryKind, namespace, name })) as GitRepository | undefined
}

export function readyOf(object: { readonly status?: { readonly conditions?: readonly Condition[] } | undefined } | undefined): Condition | undefined {
  return object?.status?.conditions?.find(({ type }) => type === conditionTypes.ready)
}

/** Ready=True at this revision and at the stored generation. */
export async function untilApplied(kube: Kube, named: Named, commit: string, timeoutMs = 60_000): Promise<Kustomization> {
  let last: Kustomization | undefined
  return until(
    `${named.namespace}/${named.name} applied at ${commit}`,
    async () => {
      last = await readKustomization(kube, named)
      const isCurrent = last?.status?.lastAppliedRevision?.endsWith(commit) === true && last.status.observedGeneration === last.metadata.generation
      return isCurrent && readyOf(last)?.status === 'True' ? judged(last) : undefined
    },
    { timeoutMs, seen: () => last?.status },
  )
}

/** Ready=False with this reason, judged at the stored generation: what a process said of an older spec does not count. */
export async function untilFailed(kube: Kube, named: Named, reason: string, timeoutMs = 60_000): Promise<Kustomization> {
  let last: Kustomization | undefined
  return until(
    `${named.namespace}/${named.name} not ready, reason ${reason}`,
    async () => {
      last = await readKustomization(kube, named)
      const ready = readyOf(last)
      const isCurrent = ready?.observedGeneration === last?.metadata.generation
      return isCurrent && ready?.status === 'False' && ready.reason === reason ? judged(last) : undefined
    },
    { timeoutMs, seen: () => last?.status },
  )
}

function judged(found: Kustomization | undefined): Kustomization | undefined {
  expectStatus(found)
  return found
}

/** What a Receiver does when a Git server calls: a new token on the source. */
export async function requestReconcile(kube: Kube, kind: Kind, { namespace, name }: Named): Promise<void> {
  const body = { metadata: { annotations: { [annotations.requestedAt]: new Date().toISOString() } } }
  await kube.patch({ resource: kind, namespace, name }, { type: 'merge', body, manager: 'receiver' })
}

/** The token that the object carries is answered: a run that knew of it has come to its verdict. */
export async function untilAnswered(kube: Kube, kind: Kind, { namespace, name }: Named): Promise<void> {
  await until(`${kind.kind} ${namespace}/${name} answers its token`, async () => {
    const found = await kube.get({ resource: kind, namespace, name })
    const status = found?.status as { readonly lastHandledReconcileAt?: string } | undefined
    const token = found?.metadata.annotations?.[annotations.requestedAt]
    return token !== undefined && status?.lastHandledReconcileAt === token ? true : undefined
  })
}

/** Creates or replaces, as an administrator with kubectl would. */
export async function applyAs(kube: Kube, object: KubeObject, manager = 'kubectl'): Promise<KubeObject> {
  const [group = '', version = ''] = object.apiVersion.includes('/') ? object.apiVersion.split('/') : ['', object.apiVersion]
  const resource = await kube.discovery.resource({ group, version, kind: object.kind })
  if (resource === undefined) throw new Error(`${object.apiVersion} ${object.kind} is not served`)
  const { namespace = 'default', name } = object.metadata
  return kube.apply({ resource, namespace: resource.namespaced ? namespace : '', name }, object, { manager, force: true })
}
