/** Held by every object that has something to clean up. */
export const finalizer = 'finalizers.fluxcd.io'

/**
 * Annotations that a person or another program sets. The per-object switches (`reconcile` to `decrypt`) are read as
 * annotation or label: the key must match exactly, its value in any case, except `substitute`, whose value is exact.
 */
export const annotations = {
  /** An opaque token: a changed value asks for a run; echoed to `status.lastHandledReconcileAt`. */
  requestedAt: 'reconcile.fluxcd.io/requestedAt',
  /** `"true"` lets a build of nothing prune everything. */
  allowEmpty: 'weir.dev/allow-empty',
  reconcile: 'kustomize.toolkit.fluxcd.io/reconcile',
  ssa: 'kustomize.toolkit.fluxcd.io/ssa',
  force: 'kustomize.toolkit.fluxcd.io/force',
  prune: 'kustomize.toolkit.fluxcd.io/prune',
  substitute: 'kustomize.toolkit.fluxcd.io/substitute',
  decrypt: 'kustomize.toolkit.fluxcd.io/decrypt',
} as const

/** Annotations below this prefix are this project's own: a changed one wakes its object. */
export const ownAnnotationPrefix = 'weir.dev/'

/** Annotations below this prefix are copied into the metadata of the object's events. */
export const eventAnnotationPrefix = 'event.toolkit.fluxcd.io/'

/** Annotations and labels of earlier tools, taken off every object that is applied. */
export const retired = {
  annotations: [
    'kubectl.kubernetes.io/last-applied-configuration',
    'kustomize.toolkit.fluxcd.io/checksum',
    'fluxcd.io/sync-checksum',
  ],
  labels: ['fluxcd.io/sync-gc-mark'],
} as const

export const labels = {
  /** Name of the Kustomization that applied the object. */
  ownerName: 'kustomize.toolkit.fluxcd.io/name',
  /** Namespace of the Kustomization that applied the object. */
  ownerNamespace: 'kustomize.toolkit.fluxcd.io/namespace',
  /** On a Secret or ConfigMap, value `Enabled`: a change of it wakes the objects that refer to it. */
  watch: 'reconcile.fluxcd.io/watch',
  partOf: 'app.kubernetes.io/part-of',
  component: 'app.kubernetes.io/component',
  instance: 'app.kubernetes.io/instance',
  version: 'app.kubernetes.io/version',
  managedBy: 'app.kubernetes.io/managed-by',
} as const

/** Field managers: a different name would leave the fields of the other implementation behind. */
export const fieldManagers = {
  /** The user's objects. */
  kustomizeApply: 'kustomize-controller',
  /** Metadata and status of Kustomizations. */
  kustomizeStatus: 'gotk-kustomize-controller',
  /** Metadata and status of sources. */
  source: 'source-controller',
} as const

export const controllerNames = {
  source: 'source-controller',
  kustomize: 'kustomize-controller',
} as const

/** Key in `artifact.metadata`: the revision that an artifact was made from somewhere else. */
export const originRevisionKey = 'org.opencontainers.image.revision'

/** Last parts of event metadata keys; the first part is the API group of the object and a `/`. */
export const eventKeys = {
  revision: 'revision',
  originRevision: 'originRevision',
  digest: 'digest',
  token: 'token',
  commit: 'commit',
  commitStatus: 'commit_status',
  changeRequest: 'change_request',
} as const

/** Value of `commit_status`: this event ends a run at a new revision, commit-status providers may report it. */
export const commitStatusUpdate = 'update'
