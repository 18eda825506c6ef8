import { kustomizationKind, sourceKinds, type Kind } from '@weir/shared/api'

/** A kind that a person may name. */
export interface NamedKind extends Kind {
  /** In small letters. */
  readonly names: readonly string[]
}

const shortNames: Readonly<Record<string, readonly string[]>> = {
  Kustomization: ['ks'],
  GitRepository: ['gitrepo'],
  OCIRepository: ['ocirepo'],
  ExternalArtifact: ['ea'],
  Deployment: ['deploy'],
  StatefulSet: ['sts'],
  DaemonSet: ['ds'],
  ReplicaSet: ['rs'],
  Pod: ['po'],
}

function named(kind: Kind): NamedKind {
  const words = [kind.kind, kind.plural, `${kind.plural}.${kind.group}`, ...(shortNames[kind.kind] ?? [])]
  return { ...kind, names: words.map((word) => word.toLowerCase()) }
}

const apps = (kind: string): Kind => ({ group: 'apps', version: 'v1', kind, plural: `${kind.toLowerCase()}s`, namespaced: true })

const deploymentKind = apps('Deployment')
export const replicaSetKind = apps('ReplicaSet')
export const podKind: Kind = { group: '', version: 'v1', kind: 'Pod', plural: 'pods', namespaced: true }
export const secretKind: Kind = { group: '', version: 'v1', kind: 'Secret', plural: 'secrets', namespaced: true }
export const eventKind: Kind = { group: '', version: 'v1', kind: 'Event', plural: 'events', namespaced: true }

/** The kinds that `get` lists, in this order. Those that a cluster does not have are passed over. */
export const listedKinds: readonly NamedKind[] = [...sourceKinds, kustomizationKind].map(named)

/** What `why` can begin with besides: workloads, so that a person may start where it hurts. */
export const workloadKinds: readonly NamedKind[] = [
  deploymentKind,
  apps('StatefulSet'),
  apps('DaemonSet'),
  replicaSetKind,
  { group: 'batch', version: 'v1', kind: 'Job', plural: 'jobs', namespaced: true },
  podKind,
].map(named)

/** The kind of this name, plural or short name, in any case. */
export function findKind(name: string, kinds: readonly NamedKind[]): NamedKind | undefined {
  return kinds.find(({ names }) => names.includes(name.toLowerCase()))
}
