import type { Kustomization } from '@weir/shared/api'
import type { LiveSet } from '@weir/shared/apply'
import type { Fetcher } from '@weir/shared/artifact'
import type { Recorder } from '@weir/shared/events'
import type { Cache, References } from '@weir/shared/kube'
import type { Builder } from '@weir/shared/kustomize'
import type { Dependencies, Host, OnStep, Stored } from '@weir/shared/runtime'
import type { SourceUsers } from './inputs/source-users.ts'
import type { Sources } from './inputs/sources.ts'
import type { Memory } from './memory.ts'
import type { Rules } from './ports.ts'
import type { VerificationPace } from './verification.ts'

export interface KustomizationParts {
  readonly host: Host
  readonly rules: Rules
  readonly recorder: Recorder
  readonly fetcher: Fetcher
  readonly builder: Builder
  readonly overrideManagers: readonly string[]
  /** Gate ExternalArtifact. */
  readonly allowsExternalArtifact: boolean
  /** undefined: all namespaces. */
  readonly namespace: string | undefined
  readonly labelSelector: string
  readonly concurrent: number | undefined
  readonly retry: { readonly minMs: number; readonly maxMs: number }
  readonly jitterPercent: number
  readonly onStep?: OnStep
}

/** Everything that wakes a Kustomization, and where its runs get what they need. */
export interface Wiring {
  readonly parts: KustomizationParts
  readonly cache: Cache<Stored<Kustomization>>
  readonly sources: () => Sources
  readonly references: References
  readonly live: LiveSet
  readonly memory: Memory
  readonly pace: VerificationPace
  readonly dependencies: Dependencies
  readonly users: SourceUsers
}
