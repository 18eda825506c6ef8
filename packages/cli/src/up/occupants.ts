import { controllerNames, labels, type Kind } from '@weir/shared/api'
import { KubeError, type Kube, type KubeObject } from '@weir/shared/kube'
import { fieldAt } from '@weir/shared/manifest'
import { CliError, exitCodes } from '../exit-codes.ts'
import { textAt } from '../get/row.ts'

const deploymentKind: Kind = { group: 'apps', version: 'v1', kind: 'Deployment', plural: 'deployments', namespaced: true }
const leaseKind: Kind = { group: 'coordination.k8s.io', version: 'v1', kind: 'Lease', plural: 'leases', namespaced: true }

/** Flux's installation and Weir's chart both carry the first; the second finds controllers that somebody packed anew. */
const selectors = [`${labels.partOf}=flux`, `${labels.component} in (${controllerNames.source},${controllerNames.kustomize})`]

export interface Occupation {
  readonly deployments: readonly KubeObject[]
  readonly leases: readonly KubeObject[]
}

/** Refuses with CliError `occupied` where controllers of Flux or Weir look after the cluster, or where that cannot be seen. */
export async function refuseOccupied(kube: Pick<Kube, 'list'>, { signal, now }: { readonly signal: AbortSignal; readonly now: number }): Promise<void> {
  const occupants = occupantsOf(await look(kube, signal), now)
  if (occupants.length === 0) return
  const list = occupants.map((each) => `  ${each}`).join('\n')
  throw new CliError(
    exitCodes.occupied,
    `other controllers look after this cluster:\n${list}\nTwo that work on the same objects undo each other. Scale those down first, or add --beside to run here all the same`,
  )
}

async function look(kube: Pick<Kube, 'list'>, signal: AbortSignal): Promise<Occupation> {
  try {
    const [leases, ...deployments] = await Promise.all([
      kube.list(leaseKind, { signal }),
      ...selectors.map((labelSelector) => kube.list(deploymentKind, { labelSelector, signal })),
    ])
    return { leases: leases.items, deployments: deployments.flatMap(({ items }) => items) }
  } catch (error) {
    if (!(error instanceof KubeError) || error.code !== 'forbidden') throw error
    throw new CliError(exitCodes.occupied, `whether other controllers look after this cluster cannot be seen: ${error.message}; --beside goes on all the same`, { cause: error })
  }
}

/** Pure: who works on the cluster, a line each. Scaled to zero is nobody; neither is a lease that nobody renews. */
export function occupantsOf({ deployments, leases }: Occupation, now: number): readonly string[] {
  const running = deployments.filter((deployment) => fieldAt(deployment, 'spec', 'replicas') !== 0)
  const held = leases.filter((lease) => leaseName.test(lease.metadata.name) && isHeld(lease, now))
  const lines = [
    ...running.map(({ metadata }) => `Deployment ${metadata.namespace}/${metadata.name}`),
    ...held.map((lease) => `Lease ${lease.metadata.namespace}/${lease.metadata.name}, held by ${textAt(lease, 'spec', 'holderIdentity')}`),
  ]
  return [...new Set(lines)].sort()
}

/** Of any controller of Flux or Weir, shards (8 hex) included. */
const leaseName = /^(?:source|kustomize|helm|notification|image-reflector|image-automation)-controller-leader-election(?:-[0-9a-f]{8})?$|^source-watcher-leader-election$/

function isHeld(lease: KubeObject, now: number): boolean {
  const seconds = fieldAt(lease, 'spec', 'leaseDurationSeconds')
  const renewedMs = Date.parse(textAt(lease, 'spec', 'renewTime') ?? '')
  const heldMs = typeof seconds === 'number' ? seconds * 1000 : 0
  return textAt(lease, 'spec', 'holderIdentity') !== undefined && now - renewedMs < heldMs
}
