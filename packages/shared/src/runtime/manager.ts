import type { Bus } from '@weir/shared/events'
import type { Kube } from '@weir/shared/kube'
import type { Telemetry } from '@weir/shared/telemetry'
import type { Clock } from './clock.ts'
import { createHealth, type Health } from './process/health.ts'
import type { Host, Started } from './process/host.ts'
import { lead, type LeaseDurations, type Leadership } from './process/lead.ts'
import { serveProbes, type Probes } from './process/probes.ts'
import { reclaimWhenIdle, type Memory } from './process/reclaim.ts'
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
  readonly started: Started
  readonly leadership: Leadership | undefined
}

/**
 * Runs controllers until `stop`, a lost lease, or a controller that cannot work. On stop: drain, then abort what only watches, then
 * give the leases back, then close. Never rejects.
 */
export async function runProcess(options: ProcessOptions): Promise<ExitCode> {
  const { telemetry } = options
  const health = createHealth()
  const ending = new AbortController()
  const running: Running[] = []
  let probes: Probes | undefined
  const stopReclaiming = options.memory ? reclaimWhenIdle(options.clock, options.memory) : () => undefined
  try {
    probes = await serveProbes({ ...options, health })
    options.onServing?.({ health: probes.health, metrics: probes.metrics })
    for (const member of options.members) running.push(await startMember(options, { member, health, ending: ending.signal }))
    const why = await untilEnd(options, running)
    if (why === 'stop') await stop(options, running, ending)
    else abandon(running, ending)
    return why === 'stop' ? 0 : 1
  } catch (error) {
    telemetry.log.error('process cannot go on', { error })
    abandon(running, ending)
    return 1
  } finally {
    stopReclaiming()
    await closeAll(options, running, probes)
  }
}

async function startMember(options: ProcessOptions, place: { readonly member: Member; readonly health: Health; readonly ending: AbortSignal }): Promise<Running> {
  const { bus, clock, stop, onStep } = options
  const { member, health, ending } = place
  const { controller, election } = member
  const telemetry = options.telemetry.named(controller)
  const kube = member.kube.as({})
  const leadership = election && lead({ kube: member.kube, clock, telemetry, controller, lease: election, signal: AbortSignal.any([stop, ending]), identity: election.identity, ...(election.durations ? { durations: election.durations } : {}) })
  const leading = leadership ? leadership.acquired.then(() => kube.fence(leadership.holding)) : Promise.resolve()
  leading.catch(() => undefined) // stopped before it led: whoever waits for it hears of it
  const server = health.of(controller)
  const started = await member.start({ kube, bus, telemetry, clock, leading, server, signal: ending, ...(onStep && { onStep }) })
  const synced = { yet: false }
  server.ready('controller', () => synced.yet)
  started.ready.then(
    () => (synced.yet = true),
    () => undefined, // told by untilEnd
  )
  return { member, started, leadership }
}

async function untilEnd({ stop, telemetry, onReady }: ProcessOptions, running: readonly Running[]): Promise<'stop' | 'lost'> {
  const stopped = new Promise<'stop'>((resolve) => {
    if (stop.aborted) resolve('stop')
    stop.addEventListener('abort', () => resolve('stop'), { once: true })
  })
  const lost = running.flatMap(({ leadership }) => (leadership ? [leadership.lost.then(() => 'lost' as const)] : []))
  const broken = running.flatMap(({ started }) => (started.working ? [untilBroken(started.working, stop)] : []))
  const ready = Promise.all(running.map(({ started }) => started.ready)).then(() => 'ready' as const)
  const first = await Promise.race([stopped, ...lost, ...broken, ready])
  if (first !== 'ready') {
    ready.catch(() => undefined)
    return first
  }
  telemetry.log.info('ready', { controllers: running.map(({ member }) => member.controller) })
  onReady?.()
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
async function stop(options: ProcessOptions, running: readonly Running[], ending: AbortController): Promise<void> {
  const { telemetry, graceMs } = options
  telemetry.log.info('stopping')
  await Promise.all(running.map(({ started }) => started.drain(graceMs)))
  ending.abort(new RunAborted('shutdown'))
  await Promise.all(running.flatMap(({ leadership, member }) => (leadership && member.election?.release === true ? [leadership.release()] : [])))
  for (const { leadership } of running) leadership?.abandon()
}

function abandon(running: readonly Running[], ending: AbortController): void {
  ending.abort(new RunAborted('lost-lease'))
  for (const { started } of running) started.abandon()
  for (const { leadership } of running) leadership?.abandon()
}

async function closeAll({ bus, telemetry }: ProcessOptions, running: readonly Running[], probes: Probes | undefined): Promise<void> {
  const closings = [...running.map(({ started }) => started.close()), bus.close(), ...(probes ? [probes.close()] : [])]
  for (const closed of await Promise.allSettled(closings)) {
    if (closed.status === 'rejected') telemetry.log.warn('not closed', { error: closed.reason })
  }
  await telemetry.shutdown()
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
