import type { Artifact, GitRepository } from '@weir/shared/api'
import type { Store } from '@weir/shared/artifact'
import type { Login, SecretData } from '@weir/shared/auth'
import type { Git } from '@weir/shared/git'
import type { Clock, OwnStatus, Step } from '@weir/shared/runtime'

/** Everything a run may ask of the world. */
export interface Deps {
  readonly git: Git
  readonly store: Store
  readonly clock: Clock
  /** `data` of a Secret; undefined: it does not exist. Throws KubeError. */
  readSecret(namespace: string, name: string, signal: AbortSignal): Promise<SecretData | undefined>
  /** First line of the message of the commit that a run stored, for its event. */
  remember(repository: GitRepository, subject: string): void
  /** A stored artifact was found damaged: people should know. */
  tellCorrupt(repository: GitRepository, artifact: Artifact): void
}

export type RepositoryStep = Step<OwnStatus<GitRepository>>

/** A repository and how to reach it. */
export interface Remote {
  readonly url: string
  readonly login: Login
  readonly deadlineMs: number
}

export const sourceOf = ({ metadata }: GitRepository): { readonly kind: 'GitRepository'; readonly namespace: string; readonly name: string } => ({
  kind: 'GitRepository',
  namespace: metadata.namespace ?? '',
  name: metadata.name,
})
