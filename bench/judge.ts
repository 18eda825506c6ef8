import { conditionTypes, type GitRepository, type Kustomization } from '@weir/shared/api'
import { fieldAt, type KubeObject } from '@weir/shared/manifest'

/** Ready=True at this revision and the stored generation. */
export function isReadyAt(object: KubeObject, revision: string): boolean {
  const { metadata, status } = object as unknown as Kustomization
  if (status?.lastAppliedRevision !== revision || status.observedGeneration !== metadata.generation) return false
  return status.conditions?.some(({ type, status: value }) => type === conditionTypes.ready && value === 'True') === true
}

/** The revision whose artifact is in status; with a commit: if it is that one's. */
export function storedRevision(object: KubeObject, commit?: string): string | undefined {
  const revision = (object as unknown as GitRepository).status?.artifact?.revision
  return commit === undefined || revision?.endsWith(`:${commit}`) ? revision : undefined
}

/** A Deployment that has rolled completely, at this generation or a later one. */
export function isRolled(object: KubeObject, generation: number): boolean {
  const number = (...path: readonly string[]): number => Number(fieldAt(object, ...path) ?? 0)
  const wanted = number('spec', 'replicas')
  if (number('metadata', 'generation') < generation || number('status', 'observedGeneration') < number('metadata', 'generation')) return false
  return ['replicas', 'updatedReplicas', 'availableReplicas', 'readyReplicas'].every((field) => number('status', field) === wanted)
}
