import type { Condition, Kind, ObjectMeta } from '@weir/shared/api'
import type { Mark, Outcome } from './outcome.ts'

/** What every object of ours has. Status fields are the kind's own plus the three that only `status.ts` writes. */
export interface Reconcilable<Spec = unknown, S extends object = object> {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: ObjectMeta
  readonly spec: Spec
  readonly status?: (S & StatusCore) | undefined
}

/** The part of a status that `deriveStatus` alone writes. */
export interface StatusCore {
  readonly observedGeneration?: number | undefined
  readonly conditions?: readonly Condition[] | undefined
  readonly lastHandledReconcileAt?: string | undefined
}

/** A kind's status without the part that `deriveStatus` writes. */
export type OwnStatus<O extends Reconcilable> = Omit<NonNullable<O['status']>, keyof StatusCore>

/** Changes of the kind's own status fields; `undefined` removes a field. */
export type Notes<S> = { readonly [K in keyof S]?: S[K] | undefined }

/** A kind's vocabulary and policies. What a kind does differently is a row here, never an `if` in a step. */
export interface KindTable<O extends Reconcilable> {
  readonly kind: Kind
  /** The controller's name: log, events, metrics (`kustomize-controller`). */
  readonly controller: string
  /** Manager of our metadata and status patches (`gotk-kustomize-controller`). */
  readonly fieldManager: string
  readonly finalizer: string
  /** Good when True. A fact named by `holds` takes its own text here, else the outcome's. */
  readonly facts: Readonly<Record<string, FactRule>>
  /** Present only while True. */
  readonly faults: Readonly<Record<string, FaultRule>>
  /** Order of the Ready summary (contract 2.2); empty: Ready carries the outcome's own text. */
  readonly readyOrder: readonly string[]
  /**
   * `unknown`: every write in mid-run turns Ready to Unknown (Kustomization).
   * `source`: Ready stays, unless the run builds (marks were raised) or Ready was not known (contract 2.2).
   */
  readonly running: 'unknown' | 'source'
  readonly suspended: SuspendedRule
  readonly retry: RetryRule<O>
  /** Stall reason of an object whose stored spec cannot be decoded; `blames` as in a Stop. */
  readonly invalid: FailureWords
  /** For failures that no step turned into a Stop: a bug, or an unreachable API server for more than 60 s. */
  readonly failed: FailureWords
  /** For a step that passed its deadline. */
  readonly timedOut: FailureWords
  intervalMs(object: O): number
  /**
   * What is written of the noted fields over the stored status, which may be newer than the one that the run began with. Asked for each
   * write, and again after a conflict. Absent: what was noted.
   */
  amend?(notes: Notes<OwnStatus<O>>, stored: O): Notes<OwnStatus<O>>
  /** Core events and notifications of a finished run; absent: a Warning for each failing or stalled run. */
  events?(end: EventMoment<O>): readonly KindEvent[]
}

export interface FactRule {
  readonly reason?: string
  readonly message?: string
  /** False of this fact forces Ready=False with its text whatever the order says (SourceVerified). */
  readonly forces?: boolean
}

export interface FaultRule {
  /** `verdict`: gone at the next verdict that does not blame it. `ready`: stays until the object is ready. */
  readonly until: 'verdict' | 'ready'
}

export interface SuspendedRule {
  /** Sources drop Stalled and turn a left-over Reconciling into ProgressingWithRetry; Kustomization keeps both. */
  readonly dropsStalled: boolean
  /** Kustomization moves observedGeneration (and drops Reconciling) only if Ready=True; sources always move it. */
  readonly observes: 'always' | 'if-ready'
}

export interface RetryRule<O> {
  /** Fixed wait after a failure that is not transient; undefined: backoff like any other. */
  readonly intervalMs?: (object: O) => number
  /** Upper bound of the backoff; default is --max-retry-delay. */
  readonly maxBackoffMs?: (object: O) => number
}

export interface FailureWords {
  readonly reason: string
  readonly blames?: string
}

/** What `events` is told at the end of a run. */
export interface EventMoment<O> {
  /** As it was when the run began. */
  readonly before: O
  readonly outcome: Outcome
  /** Ready was not True before and is now, or a fault of `before` is gone. */
  readonly recovered: boolean
  readonly durationMs: number
  /** Until the next planned run; undefined: none is planned. */
  readonly nextMs: number | undefined
  /** Own status fields that this run noted. */
  readonly notes: Notes<OwnStatusOf<O>>
}

export type OwnStatusOf<O> = O extends Reconcilable ? OwnStatus<O> : never

/** `when`: failures are told before the status write, what was done after it (contract 2.1). */
export interface KindEvent {
  readonly when: 'before' | 'after'
  readonly type: 'Normal' | 'Warning' | 'Trace'
  readonly reason: string
  readonly message: string
  readonly metadata?: Readonly<Record<string, string>>
  /** `core`: a Kubernetes Event only; `notification`: the POST to --events-addr only. Default both. */
  readonly only?: 'core' | 'notification'
}

/** What a run in progress says about itself, part of its next write in mid-run. */
export interface Progress {
  readonly message: string
  /** Faults that are true from now on (ArtifactOutdated, reason NewRevision). */
  readonly raises?: readonly Mark[]
  /** Facts that hold no longer (ArtifactInStorage of an artifact that disappeared). */
  readonly drops?: readonly string[]
  /** Facts that are being found out: Unknown, Progressing (Healthy during a health check). */
  readonly checks?: readonly string[]
}
