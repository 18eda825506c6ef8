import type { Artifact, GitRepository } from '@weir/shared/api'

/**
 * Whether what is stored is what would be stored now: the same revision, packed by the same rules, whole on disk. Content config is
 * `spec.ignore` alone until the other fields are built; what another implementation stored with those is other content.
 */
export function isUnchanged(repository: GitRepository, revision: string, stored: Artifact | undefined): stored is Artifact {
  const { observedIgnore = '', observedRecurseSubmodules = false, observedInclude = [], observedSparseCheckout = [] } = repository.status ?? {}
  const isPlain = !observedRecurseSubmodules && observedInclude.length === 0 && observedSparseCheckout.length === 0
  return stored?.revision === revision && isPlain && observedIgnore === (repository.spec.ignore ?? '')
}
