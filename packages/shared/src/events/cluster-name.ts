import type { Kube } from '@weir/shared/kube'

/** The default of `--cluster-name`: the uid of namespace kube-system, which outlives every rename. Throws KubeError. */
export async function readClusterName(kube: Pick<Kube, 'get'>, signal?: AbortSignal): Promise<string> {
  const resource = { group: '', version: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false, verbs: ['get'], status: true }
  const found = await kube.get({ resource, namespace: '', name: 'kube-system' }, { metadataOnly: true, ...(signal && { signal }) })
  const uid = found?.metadata.uid
  if (uid === undefined) throw new Error('namespace kube-system is missing; set --cluster-name')
  return uid
}
