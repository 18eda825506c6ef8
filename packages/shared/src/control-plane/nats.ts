import type { FindAssetsOptions } from './assets.ts'
export interface NatsOptions extends FindAssetsOptions {
  /** Keeps the store in this folder. Default: a temporary one, removed at the end. */
  readonly dir?: string | undefined
  /** With JetStream; default true. */
  readonly jetstream?: boolean | undefined
  /** Default: a free one. */
  readonly port?: number | undefined
}

/** A nats-server on loopback. */
export interface Nats extends AsyncDisposable {
  /** `nats://127.0.0.1:PORT` */
  readonly url: string
  /** Undefined while it does not run. */
  pid(): number | undefined
  /** Path of its log file. */
  readonly log: string
  /** Ends it as a crash would, or as told; resolves when it is gone. */
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Starts it again, killing it first if it runs: same port, same store. */
  restart(): Promise<void>
  /** Freezes it: connections stay open and say nothing. */
  pause(): void
  resume(): void
  stop(): Promise<void>
}

/** Starts a nats-server and resolves when it takes connections. It ends with `stop`, and when this process ends. */
export async function startNats(options: NatsOptions = {}): Promise<Nats> {
  throw new Error(`${options.dir}: not built yet`)
}
