import type { Bus } from '@weir/shared/events'
import type { Kube } from '@weir/shared/kube'
import type { Telemetry } from '@weir/shared/telemetry'
import type { Clock } from '../clock.ts'
import type { Limit } from '../queue/limit.ts'
import type { OnStep } from '../step.ts'

/** What a process gives to each controller's `start(options, host)`. */
export interface Host {
  /** The controller's view: fenced by its lease once it leads; carries its user agent. Views made of it are not fenced. */
  readonly kube: Kube
  readonly bus: Bus
  /** Named after the controller. */
  readonly telemetry: Telemetry
  readonly server: HealthServer
  readonly clock: Clock
  /** Resolves when this controller may write (at once without leader election). A follower watches its own kinds only. */
  readonly leading: Promise<void>
  /**
   * How many reconciles may run at once: `--concurrent` if it is set. Shrinks when a call over `kube` or a view of it is answered with
   * 429, also when that call is repeated and nobody else hears of it. One for all kinds of a controller, or one each.
   */
  limit(concurrent: number | undefined): Limit
  /**
   * Aborts with a RunAborted: `shutdown` after the drain, or `lost-lease`. For watches and caches, and for what a start waits for: while
   * the controller still starts, `shutdown` comes at once.
   */
  readonly signal: AbortSignal
  /** Fault injection, for every run of this process. */
  readonly onStep?: OnStep
}

export interface HealthServer {
  /** /readyz is 200 once every registered check says true; the name appears in the answer while it does not. */
  ready(name: string, check: () => boolean): void
  /** /healthz is 200 while every registered check says true. */
  healthy(name: string, check: () => boolean): void
}

/** What `start` hands back: the process drains it and then closes it. */
export interface Started {
  /** Resolves when the controller's caches are synced: a follower is ready too. Rejects when it cannot work at all. */
  readonly ready: Promise<void>
  /** What it does from `host.leading` on. A rejection that is no stop ends the process, whenever it comes. */
  readonly working?: Promise<unknown>
  /** Starts no new run, ends the running ones: fetches at once, stages within `graceMs`. */
  drain(graceMs: number): Promise<void>
  /** The lease is lost: ends everything at once and writes nothing (`controller.abandon`). */
  abandon(): void
  /** Releases what is left: servers, temporary directories. Watches follow `host.signal`. */
  close(): Promise<void>
}

/** A controller package's only door. */
export type Start<Options> = (options: Options, host: Host) => Promise<Started>
