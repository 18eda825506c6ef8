import type { Kube } from '@weir/shared/kube'
import type { Telemetry } from '@weir/shared/telemetry'
import type { Clock } from './clock.ts'

export interface LeadOptions {
  readonly kube: Kube
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly lease: { readonly namespace: string; readonly name: string }
  /** Unique to this process: `<hostname>_<uuid>`. */
  readonly identity: string
  readonly durations?: { readonly leaseMs: number; readonly renewMs: number; readonly retryMs: number }
  readonly signal: AbortSignal
}

export interface Leadership {
  /** Resolves when the lease is ours; rejects when `signal` aborts first. */
  readonly acquired: Promise<void>
  /** Resolves when a lease that was ours could not be renewed in time. */
  readonly lost: Promise<void>
  /** False once the last renewal is older than the renew deadline, by the monotonic clock. */
  holding(): boolean
  /** After the last write: stops renewing and hands the lease over at once. */
  release(): Promise<void>
}
