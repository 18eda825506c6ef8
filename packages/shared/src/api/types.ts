import type { z } from 'zod'
import type { Condition } from './condition.ts'
import type { ApiObject, Frozen } from './objects.ts'
import type { artifactSchema } from './schemas/artifact.ts'
import type { gitRepositorySpec, gitRepositoryStatus } from './schemas/git-repository.ts'
import type { kustomizationSpec, kustomizationStatus } from './schemas/kustomization.ts'

// The types are what a user may write (`z.input`): a field with a default may be absent, because an object stored
// before the default was served does not have it.
type Shape<Schema extends z.ZodType> = Frozen<z.input<Schema>>
type WithConditions<Status extends object> = Omit<Status, 'conditions'> & { readonly conditions?: readonly Condition[] }

/** What a source stored: a tarball, the revision it holds, and where to fetch it. */
export type Artifact = Shape<typeof artifactSchema>

export type GitRepositorySpec = Shape<typeof gitRepositorySpec>
export type GitRepositoryStatus = WithConditions<Shape<typeof gitRepositoryStatus>>
export type GitRepository = ApiObject<GitRepositorySpec, GitRepositoryStatus>
export type GitRepositoryRef = NonNullable<GitRepositorySpec['ref']>
export type GitRepositoryInclude = NonNullable<GitRepositorySpec['include']>[number]

export type KustomizationSpec = Shape<typeof kustomizationSpec>
export type KustomizationStatus = WithConditions<Shape<typeof kustomizationStatus>>
export type Kustomization = ApiObject<KustomizationSpec, KustomizationStatus>
export type SourceReference = KustomizationSpec['sourceRef']
export type DependencyReference = NonNullable<KustomizationSpec['dependsOn']>[number]
export type ObjectReference = NonNullable<KustomizationSpec['healthChecks']>[number]
export type PostBuild = NonNullable<KustomizationSpec['postBuild']>
export type KustomizePatch = NonNullable<KustomizationSpec['patches']>[number]
export type KustomizeImage = NonNullable<KustomizationSpec['images']>[number]
export type DeletionPolicy = NonNullable<KustomizationSpec['deletionPolicy']>
/** `id` is `<namespace>_<name>_<group>_<Kind>`, `v` the API version without its group. */
export type InventoryEntry = NonNullable<KustomizationStatus['inventory']>['entries'][number]
/** One digest and how its runs ended; newest first in status, at most five. */
export type HistoryEntry = NonNullable<KustomizationStatus['history']>[number]
