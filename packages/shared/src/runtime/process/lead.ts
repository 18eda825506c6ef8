import { createHash } from 'node:crypto'
import { KubeError, type Kube, type KubeObject } from '@weir/shared/kube'
import type { Telemetry } from '@weir/shared/telemetry'
import type { Clock } from '../clock.ts'

export interface LeadOptions {
  /** A connection that no lease fences: it must be able to take the lease first. */
  readonly kube: Pick<Kube, 'get' | 'create' | 'patch'>
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly lease: { readonly namespace: string; readonly name: string }
  /** Unique to this process: `<hostname>_<uuid>`. */
  readonly identity: string
  /** Field manager of the lease. */
  readonly controller: string
  readonly durations?: LeaseDurations
  /** Ends the attempts to become leader; an acquired lease is given back by `release`. */
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
  /** Resolves when a lease that was ours was taken or could not be renewed in time. */
  readonly lost: Promise<void>
  /** False once the last renewal is older than the renew deadline, by the monotonic clock. For `kube.fence`. */
  holding(): boolean
  /** After the last write: stops renewing and hands the lease over at once. Never throws. */
  release(): Promise<void>
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
    released: false,
    pausing: new AbortController(),
  }
  const acquired = acquire(candidate)
  const renewing = acquired.then(() => renew(candidate))
  renewing.catch(() => undefined) // told by `acquired`
  return {
    acquired,
    lost: renewing.then(
      (ended) => (ended === 'lost' ? undefined : new Promise<never>(() => undefined)),
      () => new Promise<never>(() => undefined),
    ),
    holding: () => isHolding(candidate),
    async release() {
      const held = isHolding(candidate)
      candidate.released = true
      candidate.pausing.abort()
      await renewing.catch(() => undefined)
      if (held) await handOver(candidate)
      candidate.renewedMs = undefined
    },
  }
}

function isHolding({ options, durations, renewedMs }: Candidate): boolean {
  return renewedMs !== undefined && options.clock.monotonicMs() - renewedMs < durations.renewMs
}

async function acquire(candidate: Candidate): Promise<void> {
  const { options, durations } = candidate
  const { clock, signal, telemetry, lease, identity } = options
  for (;;) {
    signal.throwIfAborted()
    if (await attempt(candidate)) break
    await clock.sleep(durations.retryMs, signal)
  }
  telemetry.log.info('lease acquired', { lease: `${lease.namespace}/${lease.name}`, identity })
}

async function renew(candidate: Candidate): Promise<'lost' | 'released'> {
  const { options, durations } = candidate
  const { clock, telemetry, lease } = options
  while (!candidate.released) {
    const leftMs = durations.renewMs - (clock.monotonicMs() - (candidate.renewedMs ?? 0))
    const rest = await clock.sleep(Math.max(0, Math.min(durations.retryMs, leftMs)), candidate.pausing.signal).catch(() => 'released' as const)
    if (rest === 'released') break
    const renewed = await attempt(candidate)
    if (renewed || isHolding(candidate)) continue
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
  const found = await bounded(candidate, (signal) => kube.get(target, { signal }))
  if (candidate.released) return false
  if (found === undefined) {
    const object = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { ...lease }, spec: claim(candidate, undefined) }
    await bounded(candidate, (signal) => kube.create(resource, object, { manager: candidate.options.controller, signal }))
    return true
  }
  const spec = specOf(found)
  if (spec.holderIdentity !== identity) {
    candidate.renewedMs = undefined // another took it: we hold nothing any more
    if (!isExpired(candidate, spec, startedMs)) return false
  }
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
    const found = await bounded(candidate, (signal) => kube.get({ resource, ...lease }, { signal }))
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
  await options.kube.patch({ resource, ...options.lease }, { type: 'merge', body, manager: options.controller, signal })
}

class DeadlineError extends Error {}

/** Expected now and then; anything else (no right to the lease) is for a person. */
const passing: ReadonlySet<string> = new Set(['unreachable', 'timeout', 'throttled', 'server', 'conflict', 'already-exists', 'aborted'])

/** A renewal that hangs must not hide that the lease is running out. */
async function bounded<T>({ options, durations }: Candidate, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const timer = options.clock.timer(durations.retryMs, () => controller.abort(new DeadlineError('no answer in time')))
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
