import type { Kustomization } from '@weir/shared/api'
import type { Desired, Fights, Inventory, LiveSet } from '@weir/shared/apply'
import type { Fetcher } from '@weir/shared/artifact'
import type { EventFacts, EventType } from '@weir/shared/events'
import type { Kube } from '@weir/shared/kube'
import type { Builder } from '@weir/shared/kustomize'
import type { ObjectRef, Owner } from '@weir/shared/manifest'
import type { Clock, Key, OwnStatus, Run, Step, Stop } from '@weir/shared/runtime'
import type { Memory } from './memory.ts'
import type { ResolvedSource } from './inputs/find-source.ts'
import type { ReadReference } from './inputs/variables.ts'

/** What the flags of the process decide. */
export interface Rules {
  readonly concurrentSsa: number
  readonly customStageKinds: readonly string[]
  /** An unset variable without a default fails the build. */
  readonly strictSubstitution: boolean
  readonly failFast: boolean
  /** Fallback of what is watched. */
  readonly requeueDependencyMs: number
  /** Gate DisableCommitStatusEvent. */
  readonly tellsUnchangedSuccess: boolean
}

/** Everything a run may ask of the world. */
export interface Deps {
  readonly rules: Rules
  readonly clock: Clock
  readonly kube: Kube
  readonly live: LiveSet
  readonly fights: Fights
  readonly fetcher: Fetcher
  readonly builder: Builder
  readonly memory: Memory
  findSource(kustomization: Kustomization): ResolvedSource | Stop
  checkDependencies(kustomization: Kustomization): Promise<Stop | undefined>
  readReference: ReadReference
  /** A Kubernetes Event, and the notification with it unless `only` says otherwise. */
  tell(kustomization: Kustomization, event: Told): void
  /** An event on the bus. */
  announce(type: EventType, key: Key, facts: EventFacts): void
  wakeLater(key: Key, afterMs: number): void
  /** A verification made so many calls: the next ones are paced by it. */
  verified(calls: number): void
}

export interface Told {
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
  readonly metadata?: Readonly<Record<string, string>>
  readonly only?: 'core' | 'notification'
}

export type KustomizationStep = Step<OwnStatus<Kustomization>>

/** One run of one Kustomization, as its steps hand it on. */
export interface Context {
  readonly kustomization: Kustomization
  readonly owner: Owner
  readonly deps: Deps
  readonly step: KustomizationStep
  readonly run: Run<Kustomization>
}

/** The declared objects of a revision. */
export interface Prepared {
  readonly revision: string
  readonly originRevision: string | undefined
  readonly desired: readonly Desired[]
  readonly inventory: Inventory
  /** Of the objects as built: what the history goes by. */
  readonly digest: string
  /** Hides the values of variables that came from Secrets. */
  mask(text: string): string
}

/** What is left of a revision once it is applied and swept: names and digests, no objects. */
export interface Applied extends Pick<Prepared, 'revision' | 'originRevision' | 'digest' | 'mask'> {
  readonly kind: 'applied'
  /** Something changed in the cluster. */
  readonly wrote: boolean
  /** What is owned since. */
  readonly inventory: Inventory
  /** What is waited for. */
  readonly refs: readonly ObjectRef[]
}

export function keyOfKustomization({ metadata }: Pick<Kustomization, 'metadata'>): Key {
  return { namespace: metadata.namespace ?? '', name: metadata.name }
}
