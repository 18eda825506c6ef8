import { gitRepositoryKind, kustomizationKind, type ObjectMeta } from '@weir/shared/api'
import type { KindTable, Reconcilable } from '../kind-table.ts'

/** A kind for this room's tests: the vocabulary of the real ones, a spec of its own. */
export type Toy = Reconcilable<{ readonly interval?: string; readonly suspend?: boolean }, { readonly revision?: string; readonly url?: string }>

export function toy(given: { readonly generation?: number; readonly status?: NonNullable<Toy['status']>; readonly metadata?: Partial<ObjectMeta> } = {}): Toy {
  const { generation = 1, status, metadata } = given
  return { metadata: { name: 'toy', namespace: 'default', uid: 'u1', resourceVersion: '1', generation, ...metadata }, spec: {}, ...(status ? { status } : {}) }
}

const words = { reason: 'Failed' }

/** Speaks as Kustomization does. */
export const appTable: KindTable<Toy> = {
  kind: kustomizationKind,
  controller: 'kustomize-controller',
  fieldManager: 'gotk-kustomize-controller',
  finalizer: 'finalizers.fluxcd.io',
  facts: { Healthy: { reason: 'Succeeded', message: 'Health check passed' } },
  faults: {},
  readyOrder: [],
  running: 'unknown',
  suspended: { dropsStalled: false, observes: 'if-ready' },
  retry: { intervalMs: () => 120_000, maxBackoffMs: () => 120_000 },
  invalid: { reason: 'InvalidSpec' },
  failed: words,
  timedOut: words,
  intervalMs: () => 600_000,
}

/** Speaks as GitRepository does. */
export const sourceTable: KindTable<Toy> = {
  ...appTable,
  kind: gitRepositoryKind,
  controller: 'source-controller',
  fieldManager: 'source-controller',
  facts: { ArtifactInStorage: {}, SourceVerified: { forces: true } },
  faults: {
    StorageOperationFailed: { until: 'verdict' },
    FetchFailed: { until: 'verdict' },
    IncludeUnavailable: { until: 'verdict' },
    ArtifactOutdated: { until: 'ready' },
  },
  readyOrder: ['StorageOperationFailed', 'FetchFailed', 'IncludeUnavailable', 'ArtifactOutdated', 'ArtifactInStorage', 'SourceVerified', 'Stalled', 'Reconciling'],
  running: 'source',
  suspended: { dropsStalled: true, observes: 'always' },
  retry: {},
}
