import { copyFile, readdir, readlink } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { kustomizeEngineBinary } from '@weir/shared/engine'
import { startFaultProxy, startGitServer, type FaultProxy, type GitServer } from '@weir/shared/testing'
import { startApiProxy } from '../api-proxy.ts'
import { startPlatform, type ControllerName, type ControllerProcess, type Platform, type StartOptions } from '../platform.ts'
import { createShiftedClock } from '../shifted-clock.ts'
import { listenToBus, startTraceSink } from './eavesdrop.ts'
import { places, type Place, type Rules } from './fault-plan.ts'
import type { Victim } from './plan.ts'
import { startStandIn } from './stand-in.ts'

/** The login of Git: must be read nowhere. */
export const loginCanary = 'canary-login-9f3ad210'

/** One control plane and one set of controllers, which live for many seeds, with a proxy between all who talk to each other. */
export interface World extends AsyncDisposable {
  readonly platform: Platform
  readonly git: GitServer
  /** Of a repository, through the proxy. */
  gitUrl(repository: string): string
  readonly proxies: Readonly<Record<Place, FaultProxy>>
  /** Rules of all proxies at once. Taking them away breaks what is open, so that nothing of them goes on. */
  trouble(rules: Rules, seed: number): void
  calm(): void
  /** Ends a part as `kill -9` does, and starts it again. `thenAt`: the next process dies at that step, and is started once more. */
  kill(whom: Victim, how: { readonly downMs: number; readonly thenAt: string | undefined }): Promise<void>
  /** Sets the wall clock of both controllers to so much after the machine's; those that are started later have it, too. */
  setClock(aheadMs: number): Promise<void>
  /** Traces and bus messages since the last take, by name. */
  overheard(): ReadonlyMap<string, string>
  /** Controllers that ended though nobody killed them, since the last take. */
  unexpectedEnds(): readonly string[]
  /** Processes that were killed, or killed themselves as told, since the last take. */
  takeKills(): number
  /** Ends controllers in order; resolves to their exit codes. */
  stopControllers(): Promise<readonly (number | string)[]>
  stop(): Promise<void>
}

const [source, kustomize] = ['source-controller', 'kustomize-controller'] as const

export async function startWorld(onProgress: (line: string) => void = () => undefined): Promise<World> {
  await using starting = new AsyncDisposableStack()
  const platform = starting.use(await startPlatform({ fleet: 'api', nats: true, onProgress }))
  const git = await startGitServer({ basic: { username: 'weir', password: loginCanary } })
  starting.defer(() => git.close())
  const { proxies, kubeconfigs } = await startProxies(platform, git)
  for (const each of Object.values(proxies)) starting.defer(() => each.close())
  const traces = await startTraceSink()
  starting.defer(() => traces.close())
  const bus = await listenToBus(platform.kube, platform.nats?.url ?? '')
  starting.defer(() => bus.close())
  const standIn = await startStandIn(platform.kube, platform.cluster.kubeconfig())
  starting.defer(() => standIn.stop())
  const engine = path.join(platform.dir, 'kustomize-engine')
  await copyFile(await kustomizeEngineBinary(), engine)

  const shared = [`--nats-url=${proxies.bus.url.replace('tcp:', 'nats:')}`, `--otlp-url=${traces.url}`, '--requeue-dependency=2s', '--max-retry-delay=2s']
  const flags: Readonly<Record<ControllerName, readonly string[]>> = {
    [source]: [...shared, `--storage-adv-addr=127.0.0.1:${proxies.artifacts.port}`],
    [kustomize]: [...shared, '--http-retry=2', `--kustomize-engine=${engine}`],
  }
  const clock = createShiftedClock(platform.dir)
  const controllers = createKeeper(platform, (name) => ({ flags: flags[name], kubeconfig: kubeconfigs[name], env: clock.env }))
  const state = { kills: 0 }
  const started = starting.move()
  const world: World = {
    platform,
    git,
    proxies,
    gitUrl: (repository) => `${proxies.git.url}/${repository}.git`,
    trouble: (rules, seed) => places.forEach((place) => proxies[place].use(rules[place], seed)),
    calm() {
      for (const place of places) proxies[place].use([])
      for (const place of places) proxies[place].breakAll()
    },
    async kill(whom, how) {
      state.kills += await killPart({ platform, controllers, engine }, whom, how)
    },
    setClock: async (aheadMs) => clock.shift(aheadMs, await controllers.running()),
    takeKills() {
      const kills = state.kills + controllers.takeDoomed()
      state.kills = 0
      return kills
    },
    overheard: () => new Map([['traces', traces.take()], ['bus', bus.take()]]),
    unexpectedEnds: controllers.unexpectedEnds,
    async stopControllers() {
      controllers.letGo()
      return platform.stopControllers()
    },
    async stop() {
      controllers.letGo()
      await started.disposeAsync()
    },
    [Symbol.asyncDispose]: () => world.stop(),
  }
  await Promise.all([controllers.start(source), controllers.start(kustomize)])
  return world
}

interface Proxied {
  readonly proxies: Readonly<Record<Place, FaultProxy>>
  readonly kubeconfigs: Readonly<Record<ControllerName, string>>
}

/** The seed is given with the rules. */
async function startProxies({ cluster, dir, storageAddress, nats }: Platform, git: GitServer): Promise<Proxied> {
  const seed = 1
  const sourceApi = await startApiProxy({ direct: cluster.kubeconfig(source), dir, seed })
  const kustomizeApi = await startApiProxy({ direct: cluster.kubeconfig(kustomize), dir, seed })
  const artifacts = await startFaultProxy({ target: `http://${storageAddress}`, seed })
  const gitProxy = await startFaultProxy({ target: git.url, seed })
  const bus = await startFaultProxy({ target: (nats?.url ?? '').replace('nats:', 'tcp:'), seed })
  return {
    proxies: { 'source to API server': sourceApi.proxy, 'kustomize to API server': kustomizeApi.proxy, artifacts, git: gitProxy, bus },
    kubeconfigs: { [source]: sourceApi.kubeconfig, [kustomize]: kustomizeApi.kubeconfig },
  }
}

interface Keeper {
  start(name: ControllerName, env?: Readonly<Record<string, string>>): Promise<ControllerProcess>
  kill(name: ControllerName): Promise<void>
  /** Those that run, or will in a moment. */
  running(): Promise<readonly ControllerProcess[]>
  unexpectedEnds(): readonly string[]
  /** How many killed themselves where they were told to, since the last take. */
  takeDoomed(): number
  /** From now on an end is nobody's business. */
  letGo(): void
}

/** Starts controllers, and starts one again that killed itself where it was told to. */
function createKeeper(platform: Platform, how: (name: ControllerName) => StartOptions & { readonly env: Readonly<Record<string, string>> }): Keeper {
  const state: { ends: string[]; doomed: number; letGo: boolean; killed: Set<number>; running: Map<ControllerName, Promise<ControllerProcess>> } = { ends: [], doomed: 0, letGo: false, killed: new Set(), running: new Map() }
  const begin = async (name: ControllerName, env: Readonly<Record<string, string>>): Promise<ControllerProcess> => {
    const doomed = Object.keys(env).length > 0
    const told = how(name)
    const one = await platform.start(name, { ...told, env: { ...told.env, ...env } }).catch((error: unknown) => {
      if (doomed || state.letGo) return undefined // it may die before it is ready
      throw error
    })
    if (one === undefined) {
      state.doomed += 1
      return begin(name, {})
    }
    void one.exited.then((code) => {
      if (state.letGo || state.killed.has(one.pid)) return undefined
      if (doomed && code === 'SIGKILL') state.doomed += 1
      else state.ends.push(`${name} ended by itself with ${code}`)
      return keeper.start(name)
    })
    return one
  }
  const keeper: Keeper = {
    start(name, env = {}) {
      const starting = begin(name, env)
      state.running.set(name, starting)
      starting.catch(() => undefined)
      return starting
    },
    async kill(name) {
      const one = await state.running.get(name)
      if (one === undefined) return
      state.killed.add(one.pid)
      await one.kill('SIGKILL')
    },
    running: () => Promise.all(state.running.values()),
    unexpectedEnds: () => state.ends.splice(0),
    takeDoomed() {
      const { doomed } = state
      state.doomed = 0
      return doomed
    },
    letGo: () => void (state.letGo = true),
  }
  return keeper
}

interface Parts {
  readonly platform: Platform
  readonly controllers: Keeper
  readonly engine: string
}

/** Resolves to how many processes it ended. */
async function killPart({ platform, controllers, engine }: Parts, whom: Victim, { downMs, thenAt }: { readonly downMs: number; readonly thenAt: string | undefined }): Promise<number> {
  switch (whom) {
    case 'source-controller':
    case 'kustomize-controller':
      await controllers.kill(whom)
      await pause(downMs)
      await controllers.start(whom, thenAt === undefined ? {} : { WEIR_TEST_KILL_AT: thenAt })
      return 1
    case 'engine': {
      const pids = await pidsOf(engine)
      return pids.filter(killIfThere).length
    }
    case 'nats':
      await platform.nats?.kill()
      await pause(downMs)
      await platform.nats?.restart()
      return 1
    case 'kube-apiserver':
    case 'etcd':
      await platform.cluster.kill(whom)
      await pause(downMs)
      await platform.cluster.restart(whom)
      return 1
  }
}

/** Processes that run this very file. */
async function pidsOf(program: string): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found = await Promise.all(pids.map(async (pid) => ((await readlink(`/proc/${pid}/exe`).catch(() => '')) === program ? [Number(pid)] : [])))
  return found.flat()
}

function killIfThere(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL')
  } catch {
    return false // it ended meanwhile
  }
}
