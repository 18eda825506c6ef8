/** A kind as the API server addresses it. */
export interface Kind {
  /** `''` is the core group. */
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly plural: string
  readonly namespaced: boolean
}

export const sourceGroup = 'source.toolkit.fluxcd.io'
export const kustomizeGroup = 'kustomize.toolkit.fluxcd.io'

export const gitRepositoryKind: Kind = sourceKind('GitRepository', 'gitrepositories')
export const ociRepositoryKind: Kind = sourceKind('OCIRepository', 'ocirepositories')
export const bucketKind: Kind = sourceKind('Bucket', 'buckets')
export const externalArtifactKind: Kind = sourceKind('ExternalArtifact', 'externalartifacts')
export const kustomizationKind: Kind = {
  group: kustomizeGroup,
  version: 'v1',
  kind: 'Kustomization',
  plural: 'kustomizations',
  namespaced: true,
}

/** The kinds that `spec.sourceRef` of a Kustomization can name. */
export const sourceKinds: readonly Kind[] = [gitRepositoryKind, ociRepositoryKind, bucketKind, externalArtifactKind]

/** `group/version`, or the bare version in the core group. */
export function apiVersionOf(kind: Pick<Kind, 'group' | 'version'>): string {
  return kind.group === '' ? kind.version : `${kind.group}/${kind.version}`
}

function sourceKind(kind: string, plural: string): Kind {
  return { group: sourceGroup, version: 'v1', kind, plural, namespaced: true }
}
