import { startFaultProxy, type FaultProxy, type FaultRule } from '@weir/shared/testing'
import { startApiProxy, type ApiProxy } from './api-proxy.ts'
import { createApps, gitWithLogin, type Apps, type AppState } from './canary-app.ts'
import { tailOf } from './controller-process.ts'
import { startFlow, type Flow, type FlowOptions } from './flow.ts'
import type { ControllerName, StartOptions } from './platform.ts'

const controllers: readonly ControllerName[] = ['source-controller', 'kustomize-controller']

export type LifePart = 'install' | 'upgrade' | 'prune'

/** What happens to a part of a life: before its commit, and while it goes on. */
export interface Trouble {
  before?(part: LifePart): void
  during?(part: LifePart): Promise<void>
}

/** A flow with a fault proxy on every way between its parts. */
export interface FaultRig extends AsyncDisposable {
  readonly flow: Flow
  readonly apps: Apps
  /** Between a controller and the API server. */
  readonly api: Readonly<Record<ControllerName, FaultProxy>>
  /** In front of the artifact server. */
  readonly artifacts: FaultProxy
  /** In front of the Git server. */
  readonly git: FaultProxy
  /** In front of the nats-server; undefined without a bus. */
  readonly bus: FaultProxy | undefined
  /** Starts a controller whose ways all lead through the proxies. */
  start(controller: ControllerName, options?: StartOptions): Promise<void>
  startDoomed(controller: ControllerName, killAt: string, options?: StartOptions): Promise<void>
  /** Kills both controllers and starts them under these rules: no pause of earlier trouble goes on, no open watch knows nothing of the rules. */
  restart(use?: () => void): Promise<void>
  /** No more faults. */
  calm(): void
  /** Runs, and adds to the message of a failure the seeds and what was injected. */
  explain<T>(run: () => Promise<T>): Promise<T>
  /** Install, upgrade and prune of an app of its own. */
  live(app: string, trouble?: Trouble): Promise<void>
  /** Deletes its Kustomization, and all that was applied goes along. */
  leave(app: string): Promise<void>
  stop(): Promise<void>
}

export interface FaultRigOptions extends FlowOptions {
  readonly seed: number
}

/** The controllers do not run yet. */
export async function startFaultRig({ seed, ...options }: FaultRigOptions): Promise<FaultRig> {
  await using starting = new AsyncDisposableStack() // a start that fails leaves nothing
  const flow = starting.use(await startFlow({ fleet: 'api', git: gitWithLogin, ...options }))
  const { platform } = flow
  const proxied = async (target: string): Promise<FaultProxy> => starting.adopt(await startFaultProxy({ target, seed }), (proxy) => proxy.close())
  const toApi = async (controller: ControllerName): Promise<ApiProxy> =>
    starting.adopt(await startApiProxy({ direct: platform.cluster.kubeconfig(controller), dir: platform.dir, seed }), ({ proxy }) => proxy.close())
  const ways = { 'source-controller': await toApi('source-controller'), 'kustomize-controller': await toApi('kustomize-controller') }
  const [artifacts, git] = [await proxied(`http://${platform.storageAddress}`), await proxied(flow.git.url)]
  const bus = platform.nats && (await proxied(platform.nats.url.replace('nats:', 'tcp:')))
  const apps = await createApps(flow, { gitUrl: git.url })
  const api = { 'source-controller': ways['source-controller'].proxy, 'kustomize-controller': ways['kustomize-controller'].proxy }
  const proxies = { 'to the API server, source': api['source-controller'], 'to the API server, kustomize': api['kustomize-controller'], 'to artifacts': artifacts, 'to git': git, ...(bus && { 'to the bus': bus }) }

  const through = (controller: ControllerName, { flags = [], ...start }: StartOptions): StartOptions => {
    const own = controller === 'source-controller' ? [`--storage-adv-addr=127.0.0.1:${artifacts.port}`, '--max-retry-delay=2s'] : ['--requeue-dependency=2s', '--http-retry=2']
    const toBus = bus === undefined ? [] : [`--nats-url=nats://127.0.0.1:${bus.port}`]
    return { kubeconfig: ways[controller].kubeconfig, ...start, flags: [...own, ...toBus, ...flags] }
  }
  const start: FaultRig['start'] = (controller, given = {}) => flow.start(controller, through(controller, given))
  const calm = (): void => Object.values(proxies).forEach((proxy) => proxy.use([]))
  const explain: FaultRig['explain'] = async (run) => {
    try {
      return await run()
    } catch (error) {
      const injected = Object.entries(proxies).map(([name, proxy]) => `${name}: ${proxy.describe()}`)
      const logs = await Promise.all(controllers.map((each) => tailOf(platform.controller(each).log)))
      throw new Error([error instanceof Error ? error.message : String(error), ...injected, ...logs].join('\n'), { cause: error })
    }
  }
  const started = starting.move()
  const stop = (): Promise<void> => started.disposeAsync()
  return {
    flow,
    apps,
    api,
    artifacts,
    git,
    bus,
    start,
    startDoomed: (controller, killAt, given = {}) => flow.startDoomed(controller, killAt, through(controller, given)),
    async restart(use = () => undefined) {
      await Promise.all(controllers.map((each) => platform.controller(each).kill('SIGKILL')))
      use()
      await Promise.all(controllers.map((each) => start(each)))
    },
    calm,
    explain,
    live: (app, trouble) => explain(() => liveOnce(apps, app, trouble)),
    leave: (app) =>
      explain(async () => {
        await apps.remove(app)
        await apps.settleGone(app)
      }),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

export const stateOf = (value: string, ...maps: readonly string[]): AppState => ({ value, maps })

async function liveOnce(apps: Apps, app: string, trouble: Trouble = {}): Promise<void> {
  const lives: readonly (readonly [LifePart, AppState])[] = [
    ['install', stateOf('one', 'a', 'b', 'c')],
    ['upgrade', stateOf('two', 'a', 'b', 'c', 'd')],
    ['prune', stateOf('two', 'a')],
  ]
  for (const [part, next] of lives) {
    trouble.before?.(part)
    const commit = await apps.push(app, next)
    if (part === 'install') await apps.declare(app)
    await trouble.during?.(part)
    await apps.settle(app, next, commit)
  }
}

/** Of a row of a table: lower case, as names of objects are. */
export const nameOf = (prefix: string, row: string): string => `${prefix}-${row.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}`

/** A rule about the calls that concern our own kinds and what is applied, not about discovery. */
export const ownCalls = /(kustomize|source)\.toolkit\.fluxcd\.io|\/namespaces\/flows\//
export const watches = /watch=(true|1)/

/** The same faults for a controller that makes many calls, and for one that makes few: both must meet some. */
export function rulesOf(rule: Omit<FaultRule, 'probability' | 'count'>): Readonly<Record<ControllerName, readonly FaultRule[]>> {
  return { 'source-controller': [{ ...rule, probability: 0.6, count: 2 }], 'kustomize-controller': [{ ...rule, probability: 0.3, count: 4 }] }
}
