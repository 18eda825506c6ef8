export type { Condition, ConditionStatus } from './condition.ts'
export { conditionTypes, maxConditionMessageBytes } from './condition.ts'
export { formatDurationMs, parseDurationMs } from './duration.ts'
export type { Kind } from './kinds.ts'
export {
  apiVersionOf,
  bucketKind,
  externalArtifactKind,
  gitRepositoryKind,
  kustomizationKind,
  kustomizeGroup,
  ociRepositoryKind,
  sourceGroup,
  sourceKinds,
} from './kinds.ts'
export type { ApiObject, Frozen, ManagedFields, ObjectMeta, OwnerReference } from './objects.ts'
export type { GitRepositoryReason, KustomizationReason, SharedReason } from './reasons.ts'
export type {
  Artifact,
  DeletionPolicy,
  DependencyReference,
  GitRepository,
  GitRepositoryInclude,
  GitRepositoryRef,
  GitRepositorySpec,
  GitRepositoryStatus,
  HistoryEntry,
  InventoryEntry,
  Kustomization,
  KustomizationSpec,
  KustomizationStatus,
  KustomizeImage,
  KustomizePatch,
  ObjectReference,
  PostBuild,
  SourceReference,
} from './types.ts'
export {
  annotations,
  commitStatusUpdate,
  controllerNames,
  eventAnnotationPrefix,
  eventKeys,
  fieldManagers,
  finalizer,
  labels,
  originRevisionKey,
  ownAnnotationPrefix,
  retired,
} from './words.ts'
