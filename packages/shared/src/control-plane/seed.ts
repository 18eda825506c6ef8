import type { ApiClient } from './api-client.ts'
import { controllerNamespace } from './certificates/kubeconfig.ts'
import { ControlPlaneError } from './control-plane-error.ts'
import type { Fleet } from './control-plane.ts'

/** The namespaces that controllers live in: ours, and that of Flux's beside us. */
const namespaces = [controllerNamespace, 'flux-system']

/** What every new control plane holds. Running it again changes nothing. */
export async function seed(api: ApiClient, fleet: Fleet): Promise<void> {
  await Promise.all(namespaces.map((name) => create(api, '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })))
  if (fleet === 'full') await create(api, '/api/v1/nodes', node)
}

/** The simulated node is ready and namespaces get their service account. */
export async function isFleetReady(api: ApiClient): Promise<boolean> {
  const account = await api.call('GET', `/api/v1/namespaces/${controllerNamespace}/serviceaccounts/default`)
  const found = await api.call('GET', `/api/v1/nodes/${node.metadata.name}`)
  return account.status === 200 && found.status === 200 && isNodeReady(found.body)
}

async function create(api: ApiClient, path: string, object: object): Promise<void> {
  const { status, body } = await api.call('POST', path, object)
  if (status !== 201 && status !== 409) throw new ControlPlaneError('start', `POST ${path}: HTTP ${status} ${JSON.stringify(body)}`)
}

const room = { cpu: '100k', memory: '100Ti', 'ephemeral-storage': '1Pi', pods: '1M' }

/** No scheduler ever finds it full. */
const node = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: {
    name: 'simulated',
    labels: { 'kubernetes.io/hostname': 'simulated', 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64' },
  },
  status: {
    allocatable: room,
    capacity: room,
    addresses: [{ type: 'InternalIP', address: '127.0.0.1' }, { type: 'Hostname', address: 'simulated' }],
    nodeInfo: {
      architecture: 'amd64', operatingSystem: 'linux', osImage: 'simulated', kernelVersion: '', kubeletVersion: 'v1.36.3', kubeProxyVersion: '',
      containerRuntimeVersion: 'kwok://0.8.0', machineID: '', systemUUID: '', bootID: '',
    },
  },
}

function isNodeReady(body: unknown): boolean {
  return /"type":"Ready","status":"True"|"status":"True"[^}]*"type":"Ready"/.test(JSON.stringify(body))
}
