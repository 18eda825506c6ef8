import type { ApiClient } from './api-client.ts'
import { controllerNamespace } from './certificates/kubeconfig.ts'
import { ControlPlaneError } from './control-plane-error.ts'
import type { Fleet } from './control-plane.ts'

/** The namespaces that controllers live in: ours, and that of Flux's beside us. */
const namespaces = [controllerNamespace, 'flux-system']

/** What every new control plane holds. Running it again changes nothing. */
export async function seed(api: ApiClient, fleet: Fleet): Promise<void> {
  await Promise.all(namespaces.map((name) => create(api, '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })))
  if (fleet === 'api') return
  const { body } = await api.call('GET', '/version')
  const { gitVersion = '' } = body as { readonly gitVersion?: string }
  await create(api, '/api/v1/nodes', nodeOf(gitVersion))
}

/** The simulated node is ready and namespaces get their service account. */
export async function isFleetReady(api: ApiClient): Promise<boolean> {
  const account = await api.call('GET', `/api/v1/namespaces/${controllerNamespace}/serviceaccounts/default`)
  const found = await api.call('GET', `/api/v1/nodes/${nodeName}`)
  return account.status === 200 && found.status === 200 && isNodeReady(found.body)
}

async function create(api: ApiClient, path: string, object: object): Promise<void> {
  const { status, body } = await api.call('POST', path, object)
  if (status !== 201 && status !== 409) throw new ControlPlaneError('start', `POST ${path}: HTTP ${status} ${JSON.stringify(body)}`)
}

const room = { cpu: '100k', memory: '100Ti', 'ephemeral-storage': '1Pi', pods: '1M' }

const nodeName = 'simulated'

/** No scheduler ever finds it full. */
function nodeOf(kubeletVersion: string): object {
  const unknown = { kernelVersion: '', kubeProxyVersion: '', machineID: '', systemUUID: '', bootID: '' }
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: nodeName, labels: { 'kubernetes.io/hostname': nodeName, 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64' } },
    status: {
      allocatable: room,
      capacity: room,
      addresses: [{ type: 'InternalIP', address: '127.0.0.1' }, { type: 'Hostname', address: nodeName }],
      nodeInfo: { ...unknown, kubeletVersion, architecture: 'amd64', operatingSystem: 'linux', osImage: nodeName, containerRuntimeVersion: 'kwok://simulated' },
    },
  }
}

function isNodeReady(body: unknown): boolean {
  const { status } = body as { readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] } }
  return status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') === true
}
