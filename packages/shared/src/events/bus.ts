/** What an event can say; the last token of its subject. */
export const eventTypes = [
  'artifact-ready',
  'reconcile-requested',
  'applied',
  'converged',
  'failed',
  'drift-detected',
  'drift-corrected',
  'image-selected',
  'commit-pushed',
] as const

export type EventType = (typeof eventTypes)[number]

/** The object that an event is about. */
export interface EventSubject {
  readonly kind: string
  /** `''` when cluster-scoped. */
  readonly namespace: string
  readonly name: string
}

/** Facts for people, tools and the decision whether to wake: nothing that a reconcile trusts. */
export interface EventFacts {
  /** Of the object, as of the status write that the event follows. */
  readonly resourceVersion?: string
  readonly revision?: string
  readonly digest?: string
  readonly originRevision?: string
  readonly reason?: string
  readonly message?: string
  /** Milliseconds by the name of what took them. */
  readonly durationsMs?: Readonly<Record<string, number>>
}

export interface BusEvent {
  readonly type: EventType
  readonly subject: EventSubject
  readonly facts: EventFacts
  /** Made by the bus unless given. The same id twice is delivered once, as far as memory reaches. */
  readonly id?: string
}

/** An event as it arrives. */
export interface ReceivedEvent extends BusEvent {
  readonly id: string
  /** When it was published, by the publisher's clock. */
  readonly time: Date
  /** W3C trace context of the publisher, for `telemetry.within`. */
  readonly traceparent?: string
}

/** Absent fields match everything. */
export interface EventFilter {
  readonly type?: EventType
  readonly kind?: string
  readonly namespace?: string
  readonly name?: string
}

export interface Subscription {
  /** Resolves when events published from now on are received, or when it is closed; a bus without a server may take for ever. */
  readonly live: Promise<void>
  close(): void
}

export interface BusStatus {
  readonly implementation: 'nats' | 'in-process'
  readonly connected: boolean
  /** Events accepted and not yet stored by the server. */
  readonly queued: number
  /** Events that were given up: the outbox was full, or closing took too long. */
  readonly dropped: number
}

/**
 * Events between controllers. They are only speed: loss, duplication, reordering, a slow or absent server never change
 * what a reconcile decides, only when it starts.
 */
export interface Bus {
  /** Never blocks and never throws: what cannot be sent waits in a bounded outbox that drops its oldest and counts. */
  publish(event: BusEvent): void
  /**
   * Receives matching events published from now on, own ones included, one call at a time, possibly reordered. `receive`
   * is never called from inside `publish`; what it throws is logged.
   */
  subscribe(filter: EventFilter, receive: (event: ReceivedEvent) => void): Subscription
  status(): BusStatus
  /** Sends what is queued, for at most 2 s, and ends all subscriptions. Safe to call twice. */
  close(): Promise<void>
}

/** Id of `artifact-ready`: a digest would not do, a revert brings an old one back inside the duplicate window. */
export function artifactReadyId(uid: string, resourceVersion: string): string {
  return `${uid}/${resourceVersion}`
}
