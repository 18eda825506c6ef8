/** What of a Kustomization's spec shapes a build. Anything else (postBuild, commonMetadata) works on the built objects. */
export interface BuildSpec {
  /** Relative to the source's root; absent, `''`, `.` and `./` are the root. */
  readonly path?: string | undefined
  readonly targetNamespace?: string | undefined
  readonly namePrefix?: string | undefined
  readonly nameSuffix?: string | undefined
  readonly patches?: readonly BuildPatch[] | undefined
  readonly images?: readonly BuildImage[] | undefined
  readonly components?: readonly string[] | undefined
  readonly ignoreMissingComponents?: boolean | undefined
  readonly buildMetadata?: readonly string[] | undefined
}

export interface BuildPatch {
  /** A strategic-merge or JSON 6902 patch as text. */
  readonly patch: string
  readonly target?: BuildPatchTarget | undefined
}

export interface BuildPatchTarget {
  readonly group?: string | undefined
  readonly version?: string | undefined
  readonly kind?: string | undefined
  readonly name?: string | undefined
  readonly namespace?: string | undefined
  readonly labelSelector?: string | undefined
  readonly annotationSelector?: string | undefined
}

export interface BuildImage {
  readonly name: string
  readonly newName?: string | undefined
  readonly newTag?: string | undefined
  readonly digest?: string | undefined
}
