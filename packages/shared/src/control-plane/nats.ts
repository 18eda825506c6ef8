import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { waitUntil } from './api-client.ts'
import { findAssets } from './build/assets.ts'
import type { FindAssetsOptions } from './build/assets.ts'
import { ControlPlaneError } from './control-plane-error.ts'
import { startChild } from './processes/child.ts'
import type { Child } from './processes/child.ts'
import { findFreePort, saysPortTaken } from './processes/port.ts'
import { openRunFolder } from './processes/run-folder.ts'
import type { RunFolder } from './processes/run-folder.ts'

export interface NatsOptions extends FindAssetsOptions {
  /** Keeps the store in this folder. Default: a temporary one, removed at the end. */
  readonly dir?: string | undefined
  /** Default true. */
  readonly jetstream?: boolean | undefined
  /** Default: a free one. */
  readonly port?: number | undefined
}

/** A nats-server on loopback. */
export interface Nats extends AsyncDisposable {
  /** `nats://127.0.0.1:PORT` */
  readonly url: string
  /** Its own log file. */
  readonly log: string
  /** Undefined while it does not run. */
  pid(): number | undefined
  /** Ends it, as a crash would unless another signal is asked for; resolves when it is gone. */
  kill(signal?: 'SIGKILL' | 'SIGTERM'): Promise<void>
  /** Starts it again, killing it first if it runs: same port, same store. Resolves when it takes connections. */
  restart(): Promise<void>
  /** Freezes it: connections stay open and say nothing. */
  pause(): Promise<void>
  resume(): void
  stop(): Promise<void>
}

/**
 * Starts a nats-server and resolves when it takes connections. It ends with `stop`, and when this process ends, in
 * whatever way. ControlPlaneError as for a control plane; `in-use` if `port` is taken.
 */
export async function startNats(options: NatsOptions = {}): Promise<Nats> {
  const binaries = await findAssets(['nats-server'], options)
  const folder = await openRunFolder(options.dir)
  try {
    return await startOnFreePort({ folder, binary: binaries['nats-server'], options })
  } catch (error) {
    await folder.close()
    throw error
  }
}

interface Setup {
  readonly folder: RunFolder
  readonly binary: string
  readonly options: NatsOptions
}

async function startOnFreePort(setup: Setup): Promise<Nats> {
  for (let attempt = 1; ; attempt++) {
    const port = setup.options.port ?? (await findFreePort())
    const server = createServer(setup, port)
    try {
      await server.start(setup.options.signal)
      return natsOf(server, setup.folder)
    } catch (error) {
      await server.running()?.end(0)
      if (!saysPortTaken(await server.output())) throw error
      if (setup.options.port !== undefined) throw new ControlPlaneError('in-use', `port ${port} is taken`, { cause: error })
      if (attempt === 5) throw error
    }
  }
}

interface Server {
  readonly port: number
  readonly log: string
  start(signal?: AbortSignal): Promise<void>
  running(): Child | undefined
  output(): Promise<string>
}

const gentleMs = 5000

function createServer({ folder, binary, options }: Setup, port: number): Server {
  mkdirSync(join(folder.dir, 'logs'), { recursive: true, mode: 0o700 })
  const logFile = join(folder.dir, 'logs', 'nats-server.log')
  const store = options.jetstream === false ? [] : ['--jetstream', '--store_dir', join(folder.dir, 'jetstream')]
  const name = `weir-${randomUUID()}`
  const args = ['--name', name, '--addr', '127.0.0.1', '--port', String(port), '--pid', join(folder.dir, 'nats-server.pid'), ...store]
  const state: { child?: Child } = {}
  const running = (): Child | undefined => (state.child === undefined || state.child.hasEnded() ? undefined : state.child)
  return {
    port,
    log: logFile,
    running,
    output: async () => state.child?.output() ?? '',
    async start(signal) {
      const child = await startChild({ name: 'nats-server', binary, args, folder, logFile })
      state.child = child
      const takesConnections = async (): Promise<boolean> => {
        if (child.hasEnded()) throw new ControlPlaneError('start', `nats-server ended: ${(await child.output()).trimEnd().split('\n').at(-1) ?? ''}`)
        return greets(port, name)
      }
      await waitUntil(takesConnections, { what: 'nats-server', deadlineMs: 30_000, signal })
    },
  }
}

function natsOf(server: Server, folder: RunFolder): Nats {
  const state: { stopping?: Promise<void> } = {}
  const stop = (): Promise<void> => {
    state.stopping ??= (server.running()?.end(0) ?? Promise.resolve()).then(() => folder.close())
    return state.stopping
  }
  const running = (): Child => {
    const child = server.running()
    if (child === undefined) throw new ControlPlaneError('unsupported', 'nats-server does not run')
    return child
  }
  return {
    url: `nats://127.0.0.1:${server.port}`,
    log: server.log,
    pid: () => server.running()?.pid,
    kill: async (signal = 'SIGKILL') => server.running()?.end(signal === 'SIGKILL' ? 0 : gentleMs),
    async restart() {
      await server.running()?.end(0)
      await server.start()
    },
    pause: async () => running().pause(),
    resume: () => running().signal('SIGCONT'),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** A ready server speaks first. Its name tells it from another one on the port that ours is about to fail on. */
function greets(port: number, name: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.setTimeout(1000, () => socket.destroy())
    socket.once('data', (greeting) => {
      resolve(greeting.toString('latin1').includes(`"server_name":"${name}"`))
      socket.destroy()
    })
    socket.once('error', () => undefined)
    socket.once('close', () => resolve(false))
  })
}
