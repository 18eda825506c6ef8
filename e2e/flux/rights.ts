import type { Installable } from '@weir/shared/control-plane'

export const fluxNamespace = 'flux-system'

/** What Flux's own installation gives: one role for every controller, and everything for the one that applies what users declare. */
export const fluxRights: readonly Installable[] = [
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'crd-controller-flux-system' },
    rules: [
      { apiGroups: ['source.toolkit.fluxcd.io', 'kustomize.toolkit.fluxcd.io'], resources: ['*'], verbs: ['*'] },
      { apiGroups: [''], resources: ['namespaces', 'secrets', 'configmaps', 'serviceaccounts'], verbs: ['get', 'list', 'watch'] },
      { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] },
      { apiGroups: [''], resources: ['configmaps'], verbs: ['create', 'update', 'patch', 'delete'] },
      { apiGroups: [''], resources: ['configmaps/status'], verbs: ['get', 'update', 'patch'] },
      { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'] },
      { apiGroups: [''], resources: ['serviceaccounts/token'], verbs: ['create'] },
      { nonResourceURLs: ['/livez/ping'], verbs: ['head'] },
    ],
  } as Installable,
  bindingOf('crd-controller-flux-system', { role: 'crd-controller-flux-system', users: ['source-controller', 'kustomize-controller'] }),
  bindingOf('cluster-reconciler-flux-system', { role: 'cluster-admin', users: ['kustomize-controller'] }),
]

function bindingOf(name: string, { role, users }: { readonly role: string; readonly users: readonly string[] }): Installable {
  const binding = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
    subjects: users.map((user) => ({ kind: 'ServiceAccount', name: user, namespace: fluxNamespace })),
  }
  return binding
}
