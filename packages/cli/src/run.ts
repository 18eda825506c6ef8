import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { start as startKustomize } from '@weir/kustomize-controller'
import { kustomizeFlags, parseOptions as parseKustomizeOptions } from '@weir/kustomize-controller/options'
import { createInProcessBus, createLateBus, createNatsBus, parseServerAddress, untilClusterName, type Bus } from '@weir/shared/events'
import { createKube, KubeError, loadConfig, type ConfigSource, type Kube } from '@weir/shared/kube'
import { leaseName, processMemory, runProcess, systemClock, type Host, type Member, type Started } from '@weir/shared/runtime'
import { createTelemetry, type Telemetry } from '@weir/shared/telemetry'
import { start as startSource } from '@weir/source-controller'
import { parseOptions as parseSourceOptions, sourceFlags } from '@weir/source-controller/options'
import { killAt, type KillAt } from './kill-at.ts'
import { splitArguments, type ArgumentOwner } from './split-arguments.ts'
import { version } from './version.ts'
import type { Env } from './world.ts'

export type ControllerName = 'source-controller' | 'kustomize-controller'

/** The part of a controller's options that the process itself lives by. */
interface ProcessFlags {
  readonly 'metrics-addr': string
  readonly 'health-addr': string
  readonly 'log-level': 'trace' | 'debug' | 'info' | 'error'
  readonly 'log-encoding': 'json' | 'console'
  readonly 'enable-leader-election': boolean
  readonly 'leader-election-release-on-cancel': boolean
  readonly 'leader-election-lease-duration': number
  readonly 'leader-election-renew-deadline': number
  readonly 'leader-election-retry-period': number
  readonly 'watch-label-selector': string
  readonly 'cluster-name': string
  readonly 'nats-url': string
  readonly 'otlp-url': string
  readonly 'graceful-shutdown-timeout': number
}

/** A controller with its options read: what is left is to start it. */
interface Prepared {
  readonly name: ControllerName
  readonly flags: ProcessFlags
  readonly ignored: readonly string[]
  start(host: Host): Promise<Started>
}

type Preparation = { readonly ok: true; readonly prepared: Prepared } | { readonly ok: false; readonly exitCode: 0 | 2; readonly message: string }

const owners: Readonly<Record<ControllerName, ArgumentOwner>> = {
  'source-controller': { prefix: 'source', flags: sourceFlags },
  'kustomize-controller': { prefix: 'kustomize', flags: kustomizeFlags },
}

export interface RunRequest {
  readonly controllers: readonly ControllerName[]
  /** Without the connection flags, which are in `connection`. */
  readonly argv: readonly string[]
  readonly env: Env
  /** Asked for once the command line is known to be usable. */
  connection(): ConfigSource
  /** Prints a sentence to a person: the command line could not be used. */
  say(message: string): void
  /** Ends what runs. */
  readonly stop: AbortSignal
  /** Receives the log, a line with its newline each; default: standard output. */
  writeLog?(line: string): void
  /** Told when every controller is ready. */
  onReady?(): void
}

/**
 * Runs controllers in this process until they are told to stop. Resolves to the exit code: 0, 1, or 2 for a command line that
 * cannot be used. KubeError `config` where the connection cannot be.
 */
export async function runControllers(request: RunRequest): Promise<0 | 1 | 2> {
  const prepared = prepareAll(request)
  if (!('ready' in prepared)) {
    request.say(prepared.message)
    return prepared.exitCode
  }
  const [first] = prepared.ready
  const kill = killAt(request.env)
  if (first === undefined) return 0
  if (kill.kind === 'unreadable') {
    request.say(kill.message)
    return 2
  }
  const telemetry = createProcessTelemetry(request, prepared.ready, first.flags)
  for (const { name, ignored } of prepared.ready) for (const sentence of ignored) telemetry.named(name).log.info('flag ignored', { flag: sentence })
  try {
    return await runPrepared({ request, telemetry, flags: first.flags, kill }, prepared.ready)
  } catch (error) {
    if (!(error instanceof KubeError) || error.code === 'config') throw error
    telemetry.log.error('the API server cannot be used', { error })
    return 1
  } finally {
    await telemetry.shutdown()
  }
}

/** The flags of these controllers, those that several have once. */
export function describeRun(controllers: readonly ControllerName[]): string {
  const helps = controllers.map((name) => prepare(name, ['--help'], {})).flatMap((help) => (help.ok ? [] : help.message.split(/\n(?= {2}--)/)))
  return [...new Set(helps)].sort().join('\n')
}

function prepareAll({ controllers, argv, env }: RunRequest): { readonly ready: readonly Prepared[] } | { readonly exitCode: 0 | 2; readonly message: string } {
  const split = splitArguments(argv, controllers.map((name) => owners[name]))
  if (!split.ok) return { exitCode: 2, message: split.message }
  const ready: Prepared[] = []
  for (const [at, name] of controllers.entries()) {
    const preparation = prepare(name, split.argv[at] ?? [], env)
    if (!preparation.ok) return preparation
    ready.push(preparation.prepared)
  }
  return { ready }
}

function prepare(name: ControllerName, argv: readonly string[], env: Env): Preparation {
  switch (name) {
    case 'source-controller': {
      const parsed = parseSourceOptions(argv, env)
      if (!parsed.ok) return parsed
      const { options, ignored } = parsed
      return { ok: true, prepared: { name, flags: options.flags, ignored, start: (host) => startSource(options, host) } }
    }
    case 'kustomize-controller': {
      const parsed = parseKustomizeOptions(argv, env)
      if (!parsed.ok) return parsed
      const { options, ignored } = parsed
      return { ok: true, prepared: { name, flags: options.flags, ignored, start: (host) => startKustomize(options, host) } }
    }
  }
}

function createProcessTelemetry({ writeLog }: RunRequest, prepared: readonly Prepared[], flags: ProcessFlags): Telemetry {
  const [first] = prepared
  return createTelemetry({
    controller: prepared.length === 1 && first ? first.name : 'weir',
    level: flags['log-level'],
    encoding: flags['log-encoding'],
    version,
    ...(flags['otlp-url'] !== '' && { otlpUrl: flags['otlp-url'] }),
    ...(writeLog && { write: writeLog }),
  })
}

interface ProcessParts {
  readonly request: RunRequest
  readonly telemetry: Telemetry
  /** Of the first controller: one process has one log, one bus and one pair of addresses. */
  readonly flags: ProcessFlags
  readonly kill: KillAt
}

async function runPrepared({ request, telemetry, flags, kill }: ProcessParts, prepared: readonly Prepared[]): Promise<0 | 1> {
  const config = await loadConfig(request.connection())
  const kube = await createKube({ config, userAgent: `weir/${version}`, telemetry })
  try {
    const bus = createBus(flags, kube, telemetry)
    const namespace = request.env['RUNTIME_NAMESPACE'] || config.namespace || 'flux-system'
    return await runProcess({
      members: prepared.map((each) => memberOf(each, kube, namespace)),
      bus,
      telemetry,
      clock: systemClock,
      memory: processMemory(),
      healthAddress: flags['health-addr'],
      metricsAddress: flags['metrics-addr'],
      graceMs: flags['graceful-shutdown-timeout'],
      stop: request.stop,
      ...(kill.kind === 'at' && { onStep: kill.onStep }),
      onServing: (addresses) => telemetry.log.info('serving', addresses),
      ...(request.onReady && { onReady: request.onReady }),
    })
  } finally {
    await kube.close()
  }
}

function memberOf({ name, flags, start }: Prepared, kube: Kube, namespace: string): Member {
  const member = { controller: name, kube: kube.as({ userAgent: `weir-${name}/${version}` }), start }
  if (!flags['enable-leader-election']) return member
  return {
    ...member,
    election: {
      namespace,
      name: leaseName(name, flags['watch-label-selector']),
      identity: `${hostname()}_${randomUUID()}`,
      release: flags['leader-election-release-on-cancel'],
      durations: {
        leaseMs: flags['leader-election-lease-duration'],
        renewMs: flags['leader-election-renew-deadline'],
        retryMs: flags['leader-election-retry-period'],
      },
    },
  }
}

/** No controller waits for its bus: without the name of the cluster, as while the API server is away, it joins later. */
function createBus(flags: ProcessFlags, kube: Kube, telemetry: Telemetry): Bus {
  const url = flags['nats-url']
  const cluster = flags['cluster-name']
  if (url === '') return createInProcessBus({ cluster: cluster || 'this', telemetry })
  if (cluster !== '') return createNatsBus({ url, cluster, telemetry })
  parseServerAddress(url) // a mistake in it is told now
  return createLateBus({
    telemetry,
    open: async (signal) => createNatsBus({ url, telemetry, cluster: await untilClusterName({ kube, signal, log: telemetry.log }) }),
  })
}
