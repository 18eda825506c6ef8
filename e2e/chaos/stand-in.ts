import { readFile } from 'node:fs/promises'
import { Agent, request } from 'node:https'
import { setTimeout as pause } from 'node:timers/promises'
import type { Kind } from '@weir/shared/api'
import type { Kube, KubeObject } from '@weir/shared/kube'
import { brokenImage } from './render-unit.ts'

export const namespaces: Kind = { group: '', version: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false }
export const deployments: Kind = { group: 'apps', version: 'v1', kind: 'Deployment', plural: 'deployments', namespaced: true }

/**
 * What Kubernetes' controllers would do on a control plane that has none: Deployments roll out (or fail, with the broken image), and deleted
 * Namespaces go with what is in them. Looks every 200 ms; what cannot be done now is done at the next look.
 */
export async function startStandIn(kube: Kube, kubeconfig: string): Promise<{ stop(): Promise<void> }> {
  const finalizer = await createFinalizer(kubeconfig)
  const ended = new AbortController()
  const look = async (): Promise<void> => {
    const [rollouts, spaces] = await Promise.all([kube.list(deployments), kube.list(namespaces)])
    await Promise.all([...rollouts.items.map((each) => rollOut(kube, each)), ...spaces.items.map((each) => finishNamespace(kube, each, finalizer))])
  }
  const run = async (): Promise<void> => {
    while (!ended.signal.aborted) {
      await look().catch(() => undefined)
      await pause(200, undefined, { signal: ended.signal }).catch(() => undefined)
    }
  }
  const running = run()
  return {
    async stop() {
      ended.abort()
      await running
      finalizer.close()
    },
  }
}

async function rollOut(kube: Kube, { metadata, ...rest }: KubeObject): Promise<void> {
  const { spec, status } = rest as { readonly spec?: { readonly template: { readonly spec: { readonly containers: readonly { readonly image: string }[] } } }; readonly status?: { readonly observedGeneration?: number } }
  if (status?.observedGeneration === metadata.generation || metadata.deletionTimestamp !== undefined) return
  const isBroken = spec?.template.spec.containers.some(({ image }) => image === brokenImage) === true
  const now = new Date().toISOString()
  const condition = (type: string, holds: boolean, reason: string): object => ({ type, status: holds ? 'True' : 'False', reason, message: reason, lastUpdateTime: now, lastTransitionTime: now })
  const conditions = [condition('Available', !isBroken, 'MinimumReplicasAvailable'), condition('Progressing', !isBroken, isBroken ? 'ProgressDeadlineExceeded' : 'NewReplicaSetAvailable')]
  const count = isBroken ? 0 : 1
  const body = { status: { observedGeneration: metadata.generation, replicas: 1, updatedReplicas: 1, readyReplicas: count, availableReplicas: count, unavailableReplicas: 1 - count, conditions } }
  await kube.patch({ resource: deployments, namespace: metadata.namespace ?? '', name: metadata.name }, { type: 'merge', body, subresource: 'status', manager: 'stand-in' }).catch(() => undefined)
}

const contents: readonly Kind[] = ['ConfigMap', 'Secret', 'ServiceAccount'].map((kind) => ({ group: '', version: 'v1', kind, plural: `${kind.toLowerCase()}s`, namespaced: true }))

async function finishNamespace(kube: Kube, { metadata }: KubeObject, finalizer: Finalizer): Promise<void> {
  if (metadata.deletionTimestamp === undefined) return
  const namespace = metadata.name
  for (const resource of contents) {
    const { items } = await kube.list(resource, { namespace })
    await Promise.all(items.map((each) => kube.delete({ resource, namespace, name: each.metadata.name })))
  }
  await finalizer.finalize(namespace)
}

interface Finalizer {
  finalize(namespace: string): Promise<void>
  close(): void
}

/** The one call that the room `kube` has no word for: it is made by Kubernetes' own controller alone. */
async function createFinalizer(kubeconfig: string): Promise<Finalizer> {
  const { clusters, users } = JSON.parse(await readFile(kubeconfig, 'utf8')) as { readonly clusters: readonly { readonly cluster: Fields }[]; readonly users: readonly { readonly user: Fields }[] }
  const [cluster, user] = [clusters[0]?.cluster ?? {}, users[0]?.user ?? {}]
  const decode = (text = ''): string => Buffer.from(text, 'base64').toString('utf8')
  const agent = new Agent({ keepAlive: true, ca: decode(cluster['certificate-authority-data']), cert: decode(user['client-certificate-data']), key: decode(user['client-key-data']) })
  const put = (namespace: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const call = request(`${cluster['server']}/api/v1/namespaces/${namespace}/finalize`, { agent, method: 'PUT', headers: { 'content-type': 'application/json' }, timeout: 10_000 }, (answer) => answer.resume().on('end', resolve))
      call.on('timeout', () => call.destroy(new Error('no answer')))
      call.on('error', reject)
      call.end(JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace }, spec: { finalizers: [] } }))
    })
  return { finalize: put, close: () => agent.destroy() }
}

type Fields = Readonly<Record<string, string>>
