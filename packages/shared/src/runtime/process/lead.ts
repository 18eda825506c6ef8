import { createHash } from 'node:crypto'
import { KubeError, type Kube, type KubeObject } from '@weir/shared/kube'
import type { Telemetry } from '@weir/shared/telemetry'
import type { Clock } from '../clock.ts'

export interface LeadOptions {
  /** A view that no lease fences: a lease is taken before there is one to hold, and given back when it may be held no more. */
  readonly kube: Pick<Kube, 'get' | 'create' | 'patch'>
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly lease: { readonly namespace: string; readonly name: string }
  /** Unique to this process: `<hostname>_<uuid>`. */
  readonly identity: string
  /** Field manager of the lease. */
  readonly controller: string
  readonly durations?: LeaseDurations
  /** Ends the attempts to become leader, also one that succeeds too late; a lease is given back by `release`. */
  readonly signal: AbortSignal
}

export interface LeaseDurations {
  readonly leaseMs: number
  /** A leader that could not renew for this long is none any more. */
  readonly renewMs: number
  readonly retryMs: number
}

/** Contract 1.10. */
export const leaseDurations: LeaseDurations = { leaseMs: 35_000, renewMs: 30_000, retryMs: 5_000 }

export interface Leadership {
  /** Resolves when the lease is ours; rejects with the signal's reason when it aborts first. */
  readonly acquired: Promise<void>
  /** Resolves when a lease that was ours was taken or could not be renewed in time; rejects when renewing broke. */
  readonly lost: Promise<void>
  /**
   * False once the last renewal is older than the renew deadline, by the monotonic clock, and from then on: no answer that comes later
   * opens the fence again. For `kube.fence`.
   */
  holding(): boolean
  /** After the last write: stops renewing and hands the lease over at once, if it may be ours. Never throws. */
  release(): Promise<void>
  /** Stops renewing and gives nothing back: others wait until the lease has run out. */
  abandon(): void
}

/** `<controller>-leader-election`, with 8 hex of the label selector's SHA-256 for a shard (contract 1.10). */
export function leaseName(controller: string, watchLabelSelector = ''): string {
  const shard = watchLabelSelector === '' ? '' : `-${createHash('sha256').update(watchLabelSelector).digest('hex').slice(0, 8)}`
  return `${controller}-leader-election${shard}`
}

const resource = { group: 'coordination.k8s.io', version: 'v1', kind: 'Lease', plural: 'leases', namespaced: true }

/** As client-go keeps it, so that Flux's controllers and ours wait for each other. */
interface LeaseSpec {
  readonly holderIdentity?: string | null
  readonly leaseDurationSeconds?: number | null
  readonly acquireTime?: string | null
  readonly renewTime?: string | null
  readonly leaseTransitions?: number | null
}

interface Candidate {
  readonly options: LeadOptions
  readonly durations: LeaseDurations
  /** The lease as it was last seen, and when its content last changed, on our clock: the holder's clock is not trusted. */
  seen: { readonly renewal: string; readonly sinceMs: number } | undefined
  /** Start of the last request that renewed our lease, monotonic. */
  renewedMs: number | undefined
  /** A write with our name was sent: whatever was answered, the lease may be ours. */
  claimed: boolean
  /** It was acquired: another's name in it is a loss, and no reason to run for it again. */
  leads: boolean
  released: boolean
  pausing: AbortController
}

/** Runs for the lease, and holds it until `release` or loss. */
export function lead(options: LeadOptions): Leadership {
  const candidate: Candidate = {
    options,
    durations: options.durations ?? leaseDurations,
    seen: undefined,
    renewedMs: undefined,
    claimed: false,
    leads: false,
    released: false,
    pausing: new AbortController(),
  }
  const acquired = acquire(candidate)
  const renewing = acquired.then(() => renew(candidate))
  renewing.catch(() => undefined) // told by `acquired`, or by `lost`
  const never = new Promise<never>(() => undefined)
  // What `acquired` rejects with is no loss: it never led.
  const lost = acquired.then(() => renewing, () => never).then((ended) => (ended === 'lost' ? undefined : never))
  lost.catch(() => undefined) // whoever waits for it hears of it
  return {
    acquired,
    lost,
    holding: () => isHolding(candidate),
    async release() {
      endRenewing(candidate)
      await renewing.catch(() => undefined) // the request in flight may be the one that acquires
      if (candidate.claimed) await handOver(candidate)
      candidate.renewedMs = undefined
    },
    abandon() {
      endRenewing(candidate)
      candidate.renewedMs = undefined
    },
  }
}

function endRenewing(candidate: Candidate): void {
  candidate.released = true
  candidate.pausing.abort()
}

function isHolding({ options, durations, renewedMs }: Candidate): boolean {
  return renewedMs !== undefined && options.clock.monotonicMs() - renewedMs < durations.renewMs
}

/** Until the renew deadline; 0 when it is past. */
function leftMs({ options, durations, renewedMs }: Candidate): number {
  return Math.max(0, durations.renewMs - (options.clock.monotonicMs() - (renewedMs ?? 0)))
}

async function acquire(candidate: Candidate): Promise<void> {
  const { options, durations } = candidate
  const { clock, telemetry, lease, identity } = options
  const ending = AbortSignal.any([options.signal, candidate.pausing.signal])
  ending.throwIfAborted()
  while (!(await attempt(candidate))) await clock.sleep(durations.retryMs, ending)
  ending.throwIfAborted() // acquired while stopping: nobody begins to work on it, and `release` gives it back
  candidate.leads = true
  telemetry.log.info('lease acquired', { lease: `${lease.namespace}/${lease.name}`, identity })
}

async function renew(candidate: Candidate): Promise<'lost' | 'released'> {
  const { options, durations } = candidate
  const { clock, telemetry, lease } = options
  while (!candidate.released) {
    const rest = await clock.sleep(Math.min(durations.retryMs, leftMs(candidate)), candidate.pausing.signal).catch(() => 'released' as const)
    if (rest === 'released') break
    if (isHolding(candidate)) await attempt(candidate) // past the deadline it would open a fence that has refused writes
    if (isHolding(candidate)) continue
    candidate.renewedMs = undefined
    telemetry.log.error('lease lost', { lease: `${lease.namespace}/${lease.name}` })
    return 'lost'
  }
  return 'released'
}

/** One try to take or renew the lease; false when it is another's or the API server did not answer in time. */
async function attempt(candidate: Candidate): Promise<boolean> {
  const { clock, telemetry } = candidate.options
  const startedMs = clock.monotonicMs()
  try {
    if (!(await takeOrRenew(candidate, startedMs))) return false
    if (candidate.leads && !isHolding(candidate)) return false // too late: writes were refused in the meantime
    candidate.renewedMs = startedMs // the server's answer may have been long under way: the request's start is safe
    return true
  } catch (error) {
    if (!(error instanceof KubeError) && !(error instanceof DeadlineError)) throw error
    const mayPass = error instanceof DeadlineError || passing.has(error.code)
    telemetry.log[mayPass ? 'debug' : 'warn']('lease not renewed', { error })
    return false
  }
}

async function takeOrRenew(candidate: Candidate, startedMs: number): Promise<boolean> {
  const { kube, identity, lease } = candidate.options
  const target = { resource, ...lease }
  const found = await bounded(candidate, (signal) => kube.get(target, { signal, ownLease: true }))
  if (candidate.released) return false
  if (found === undefined) {
    const object = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { ...lease }, spec: claim(candidate, undefined) }
    candidate.claimed = true
    await bounded(candidate, (signal) => kube.create(resource, object, { manager: candidate.options.controller, signal, ownLease: true }))
    return true
  }
  const spec = specOf(found)
  if (spec.holderIdentity !== identity) {
    candidate.renewedMs = undefined // another took it: we hold nothing any more
    if (candidate.leads || !isExpired(candidate, spec, startedMs)) return false
  }
  candidate.claimed = true
  await bounded(candidate, (signal) => write(candidate, found, { spec: claim(candidate, spec), signal }))
  return true
}

/** A lease nobody holds, or whose renewals we have not seen move for its whole duration. */
function isExpired(candidate: Candidate, spec: LeaseSpec, nowMs: number): boolean {
  if (!spec.holderIdentity) return true
  const renewal = `${spec.holderIdentity} ${spec.renewTime} ${spec.leaseTransitions}`
  if (candidate.seen?.renewal !== renewal) candidate.seen = { renewal, sinceMs: nowMs }
  const leaseMs = (spec.leaseDurationSeconds ?? 0) * 1000 || candidate.durations.leaseMs
  return nowMs - candidate.seen.sinceMs >= leaseMs
}

function claim({ options, durations }: Candidate, before: LeaseSpec | undefined): LeaseSpec {
  const nowText = microTime(options.clock.now())
  const ours = before?.holderIdentity === options.identity
  return {
    holderIdentity: options.identity,
    leaseDurationSeconds: Math.ceil(durations.leaseMs / 1000),
    acquireTime: ours ? (before.acquireTime ?? nowText) : nowText,
    renewTime: nowText,
    leaseTransitions: before === undefined ? 0 : (before.leaseTransitions ?? 0) + (ours ? 0 : 1),
  }
}

async function handOver(candidate: Candidate): Promise<void> {
  const { kube, lease, identity, clock, telemetry } = candidate.options
  try {
    const found = await bounded(candidate, (signal) => kube.get({ resource, ...lease }, { signal, ownLease: true }))
    if (found === undefined || specOf(found).holderIdentity !== identity) return
    const nowText = microTime(clock.now())
    const spec = { ...specOf(found), holderIdentity: '', leaseDurationSeconds: 1, acquireTime: nowText, renewTime: nowText }
    await bounded(candidate, (signal) => write(candidate, found, { spec, signal }))
    telemetry.log.info('lease released', { lease: `${lease.namespace}/${lease.name}` })
  } catch (error) {
    telemetry.log.warn('lease not released, it will expire', { error })
  }
}

async function write({ options }: Candidate, found: KubeObject, { spec, signal }: { readonly spec: LeaseSpec; readonly signal: AbortSignal }): Promise<void> {
  const body = { metadata: { resourceVersion: found.metadata.resourceVersion }, spec }
  await options.kube.patch({ resource, ...options.lease }, { type: 'merge', body, manager: options.controller, signal, ownLease: true })
}

class DeadlineError extends Error {}

/** Expected now and then; anything else (no right to the lease) is for a person. */
const passing: ReadonlySet<string> = new Set(['unreachable', 'timeout', 'throttled', 'server', 'conflict', 'already-exists', 'aborted'])

/** A renewal that hangs must not hide that the lease is running out: at the renew deadline it is over, too. */
async function bounded<T>(candidate: Candidate, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const { options, durations, leads, released } = candidate
  const controller = new AbortController()
  const limitMs = leads && !released ? Math.min(durations.retryMs, leftMs(candidate)) : durations.retryMs
  const timer = options.clock.timer(limitMs, () => controller.abort(new DeadlineError('no answer in time')))
  try {
    return await call(controller.signal)
  } finally {
    timer.cancel()
  }
}

function specOf(object: KubeObject): LeaseSpec {
  return (object as { readonly spec?: LeaseSpec }).spec ?? {}
}

/** metav1.MicroTime: six digits of a second. */
function microTime(now: Date): string {
  return now.toISOString().replace('Z', '000Z')
}
