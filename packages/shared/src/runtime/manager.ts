import type { Bus } from '@weir/shared/events'
import type { Kube } from '@weir/shared/kube'
import type { Telemetry } from '@weir/shared/telemetry'
import type { Clock } from './clock.ts'
import { createHealth, type Health } from './process/health.ts'
import type { Host, Started } from './process/host.ts'
import { lead, type LeaseDurations, type Leadership } from './process/lead.ts'
import { serveProbes, type Probes } from './process/probes.ts'
import { reclaimWhenIdle, type Memory } from './process/reclaim.ts'
import { createLimit, type Limit } from './queue/limit.ts'
import { RunAborted, type OnStep } from './step.ts'

/** One controller of the process. */
export interface Member {
  /** `source-controller` */
  readonly controller: string
  /** Its own connection or a view of a shared one, not fenced: the lease is held over it. The controller's view of it is fenced as soon as it leads. */
  readonly kube: Kube
  /** Absent: no leader election. */
  readonly election?: { readonly namespace: string; readonly name: string; readonly identity: string; readonly durations?: LeaseDurations; readonly release: boolean }
  start(host: Host): Promise<Started>
}

export interface ProcessOptions {
  readonly members: readonly Member[]
  readonly bus: Bus
  readonly telemetry: Telemetry
  readonly clock: Clock
  /** `host:port`, `:port`; `0` serves none. The same address for both is one server. */
  readonly healthAddress: string
  readonly metricsAddress: string
  /** How long a stage may go on after `stop`; 20 s in production. */
  readonly graceMs: number
  /** Gives memory back when the process is idle; absent: V8 alone decides. */
  readonly memory?: Memory
  /** SIGTERM or SIGINT: see `stopSignal`. */
  readonly stop: AbortSignal
  /** Fault injection: told of every step of every member. */
  readonly onStep?: OnStep
  /** Told the addresses that are served, and when every member is ready. */
  onServing?(addresses: { readonly health: string | undefined; readonly metrics: string | undefined }): void
  onReady?(): void
}

/** 0: stopped as asked. 1: a lease was lost, or a controller could not start or go on. */
export type ExitCode = 0 | 1

interface Running {
  readonly member: Member
  readonly leadership: Leadership | undefined
  /** Ends its watches. */
  readonly ending: AbortController
  readonly starting: Promise<Started>
  /** Undefined while it starts. */
  started: Started | undefined
}

/** Name of the check that every controller has. */
const ownCheck = 'controller'

/**
 * Runs controllers until `stop`, a lost lease, or a controller that cannot work. On stop: drain, then abort what only watches, then
 * give the leases back, then close. A controller that still starts is told to give up, and not waited for. Never rejects.
 */
export async function runProcess(options: ProcessOptions): Promise<ExitCode> {
  const { telemetry } = options
  const health = createHealth()
  for (const { controller } of options.members) health.of(controller).ready(ownCheck, () => false) // until it says otherwise
  const running: Running[] = []
  let probes: Probes | undefined
  const stopReclaiming = options.memory ? reclaimWhenIdle(options.clock, options.memory) : () => undefined
  try {
    probes = await serveProbes({ ...options, health })
    options.onServing?.({ health: probes.health, metrics: probes.metrics })
    const why = (await startAll(options, running, health)) ?? (await untilEnd(options, running))
    if (why === 'stop') await stop(options, running)
    else abandon(running)
    return why === 'stop' ? 0 : 1
  } catch (error) {
    telemetry.log.error('process cannot go on', { error })
    abandon(running)
    return 1
  } finally {
    stopReclaiming()
    await closeAll(options, running, probes)
  }
}

/** One after the other. Resolves to why the process ends, if that comes before all are started. */
async function startAll(options: ProcessOptions, running: Running[], health: Health): Promise<'stop' | 'lost' | undefined> {
  for (const member of options.members) {
    if (options.stop.aborted) return 'stop'
    const one = begin(options, member, health)
    running.push(one)
    const first = await Promise.race([one.starting, untilOver(options, running)])
    if (typeof first === 'string') return first
    one.started = first
  }
  return undefined
}

function begin(options: ProcessOptions, member: Member, health: Health): Running {
  const { bus, clock, stop, onStep } = options
  const { controller, election } = member
  const telemetry = options.telemetry.named(controller)
  const ending = new AbortController()
  const limits: Limit[] = []
  const kube = member.kube.as({ onThrottled: () => limits.forEach((limit) => limit.overloaded()) })
  const leadership = election && lead({ kube: member.kube, clock, telemetry, controller, lease: election, signal: AbortSignal.any([stop, ending.signal]), identity: election.identity, ...(election.durations ? { durations: election.durations } : {}) })
  const leading = leadership ? leadership.acquired.then(() => kube.fence(leadership.holding)) : Promise.resolve()
  leading.catch(() => undefined) // stopped before it led: whoever waits for it hears of it
  const server = health.of(controller)
  const limit: Host['limit'] = (concurrent) => {
    const created = createLimit(concurrent)
    limits.push(created)
    return created
  }
  const starting = member.start({ kube, bus, telemetry, clock, leading, server, limit, signal: ending.signal, ...(onStep && { onStep }) })
  const synced = { yet: false }
  server.ready(ownCheck, () => synced.yet)
  starting
    .then(({ ready }) => ready)
    .then(
      () => (synced.yet = true),
      () => undefined, // told by startAll and untilEnd
    )
  return { member, leadership, ending, starting, started: undefined }
}

async function untilEnd(options: ProcessOptions, running: readonly Running[]): Promise<'stop' | 'lost'> {
  const over = untilOver(options, running)
  const ready = Promise.all(running.flatMap(({ started }) => (started ? [started.ready] : []))).then(() => 'ready' as const)
  const first = await Promise.race([over, ready])
  if (first !== 'ready') {
    ready.catch(() => undefined)
    return first
  }
  options.telemetry.log.info('ready', { controllers: running.map(({ member }) => member.controller) })
  options.onReady?.()
  return over
}

/** Why the process ends, once it has to; rejects when a controller cannot go on. */
function untilOver({ stop }: ProcessOptions, running: readonly Running[]): Promise<'stop' | 'lost'> {
  const stopped = new Promise<'stop'>((resolve) => {
    if (stop.aborted) resolve('stop')
    stop.addEventListener('abort', () => resolve('stop'), { once: true })
  })
  const lost = running.flatMap(({ leadership }) => (leadership ? [leadership.lost.then(() => 'lost' as const)] : []))
  const broken = running.flatMap(({ started }) => (started?.working ? [untilBroken(started.working, stop)] : []))
  return Promise.race([stopped, ...lost, ...broken])
}

/** Rejects when a controller that leads cannot work; never when it is merely stopped before it led. */
async function untilBroken(working: Promise<unknown>, stop: AbortSignal): Promise<never> {
  await working.catch((error: unknown) => {
    if (!stop.aborted && !(error instanceof RunAborted)) throw error
  })
  return new Promise<never>(() => undefined)
}

/** The lease goes last: until every write was answered nobody else may begin. */
async function stop(options: ProcessOptions, running: readonly Running[]): Promise<void> {
  const { telemetry, graceMs } = options
  telemetry.log.info('stopping')
  for (const { started, ending } of running) if (started === undefined) ending.abort(new RunAborted('shutdown'))
  await Promise.all(running.flatMap(({ started }) => (started ? [started.drain(graceMs)] : [])))
  for (const { ending } of running) ending.abort(new RunAborted('shutdown'))
  await Promise.all(running.flatMap(({ leadership, member }) => (leadership && member.election?.release === true ? [leadership.release()] : [])))
  for (const { leadership } of running) leadership?.abandon()
}

function abandon(running: readonly Running[]): void {
  for (const { ending } of running) ending.abort(new RunAborted('lost-lease'))
  for (const { started } of running) started?.abandon()
  for (const { leadership } of running) leadership?.abandon()
}

async function closeAll(options: ProcessOptions, running: readonly Running[], probes: Probes | undefined): Promise<void> {
  const { bus, telemetry } = options
  const closings = [...running.map((one) => close(one, options)), bus.close(), ...(probes ? [probes.close()] : [])]
  for (const closed of await Promise.allSettled(closings)) {
    if (closed.status === 'rejected') telemetry.log.warn('not closed', { error: closed.reason })
  }
  await telemetry.shutdown()
}

/** A start that heard of the end is over in no time; one that cannot be stopped (a large cache that is removed) holds nobody up. */
const startEndsMs = 2_000

async function close({ starting, started }: Running, { clock, graceMs }: ProcessOptions): Promise<void> {
  if (started !== undefined) return started.close()
  const closed = new AbortController()
  const closing = starting.then(closeLate, () => undefined) // why it failed is told already
  try {
    await Promise.race([closing, clock.sleep(Math.min(graceMs, startEndsMs), closed.signal)])
  } finally {
    closed.abort()
  }
}

/** What started after the end was decided. */
async function closeLate(late: Started): Promise<void> {
  for (const outcome of [late.ready, late.working]) outcome?.catch(() => undefined)
  late.abandon()
  await late.close()
}

/** Aborts at the first SIGTERM or SIGINT; a second one ends the process at once. `ignore` takes the listeners away. */
export function stopSignal(program: NodeJS.Process): { readonly signal: AbortSignal; ignore(): void } {
  const controller = new AbortController()
  const onSignal = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) program.exit(name === 'SIGINT' ? 130 : 143)
    controller.abort(new RunAborted('shutdown'))
  }
  program.on('SIGTERM', onSignal)
  program.on('SIGINT', onSignal)
  return {
    signal: controller.signal,
    ignore() {
      program.off('SIGTERM', onSignal)
      program.off('SIGINT', onSignal)
    },
  }
}
