import type { Artifact, GitRepository } from '@weir/shared/api'

/**
 * Whether what is stored is what would be stored now: the same revision, packed by the same rules, whole on disk. Content config is
 * `spec.ignore` alone until the other fields are built.
 */
export function isUnchanged(repository: GitRepository, revision: string, stored: Artifact | undefined): stored is Artifact {
  return stored?.revision === revision && (repository.status?.observedIgnore ?? '') === (repository.spec.ignore ?? '')
}
