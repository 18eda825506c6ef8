declare const minted: unique symbol

export type ConditionStatus = 'True' | 'False' | 'Unknown'

/**
 * One entry of `status.conditions`. The brand keeps a literal written anywhere but in `runtime/status.ts` from
 * compiling: conditions are derived from outcomes there, never set by a step.
 */
export interface Condition {
  readonly [minted]: true
  readonly type: string
  readonly status: ConditionStatus
  readonly reason: string
  readonly message: string
  /** RFC 3339, UTC, whole seconds; moves when status, reason or message moves. */
  readonly lastTransitionTime: string
  readonly observedGeneration?: number
}

/** Longest message the CRDs accept, in bytes of UTF-8; a longer one is cut and ends in `...`. */
export const maxConditionMessageBytes = 32_768

/** The condition types that every kind shares. */
export const conditionTypes = {
  ready: 'Ready',
  reconciling: 'Reconciling',
  stalled: 'Stalled',
  healthy: 'Healthy',
  artifactInStorage: 'ArtifactInStorage',
  artifactOutdated: 'ArtifactOutdated',
  sourceVerified: 'SourceVerified',
  fetchFailed: 'FetchFailed',
  buildFailed: 'BuildFailed',
  storageOperationFailed: 'StorageOperationFailed',
  includeUnavailable: 'IncludeUnavailable',
} as const
