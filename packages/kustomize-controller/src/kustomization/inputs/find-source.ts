import { originRevisionKey, type Artifact, type Kustomization } from '@weir/shared/api'
import { stalled, waiting, type Stop } from '@weir/shared/runtime'
import { nameOfSource, showSource, type Sources } from './sources.ts'
import { retryIntervalMs } from '../timing.ts'

/** A source that holds an artifact. */
export interface ResolvedSource {
  readonly artifact: Artifact
  readonly revision: string
  /** What the artifact was made from elsewhere, where it says so. */
  readonly originRevision: string | undefined
}

export interface SourceRules {
  /** Gate ExternalArtifact. */
  readonly allowsExternalArtifact: boolean
  /** Fallback of the source's watch. */
  readonly requeueDependencyMs: number
}

/** The artifact to build, as the watch knows it; a change of the source wakes the object (contract 4.3). */
export function findSource(kustomization: Kustomization, sources: Sources, rules: SourceRules): ResolvedSource | Stop {
  const name = nameOfSource(kustomization.spec.sourceRef, kustomization.metadata.namespace ?? '')
  if (name.kind === 'ExternalArtifact' && !rules.allowsExternalArtifact) {
    return stalled({ reason: 'AccessDenied', message: `can't access '${showSource(name)}', ExternalArtifact feature gate is disabled` })
  }
  const source = sources.get(name)
  if (source === undefined) {
    const trouble = sources.trouble(name.kind)
    const message = trouble === undefined ? `Source '${showSource(name)}' not found` : `Source '${showSource(name)}' cannot be read: ${trouble}`
    return waiting({ reason: 'ArtifactFailed', message }, retryIntervalMs(kustomization))
  }
  const { artifact } = source
  if (artifact === undefined) {
    const message = `Source artifact not found, retrying in ${rules.requeueDependencyMs / 1000}s`
    return waiting({ reason: 'ArtifactFailed', message, passing: true }, rules.requeueDependencyMs) // it may be made anew, of the same revision
  }
  return { artifact, revision: artifact.revision, originRevision: artifact.metadata?.[originRevisionKey] }
}
