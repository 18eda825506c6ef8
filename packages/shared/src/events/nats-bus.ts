import type { Bus } from './bus.ts'
import type { BusOptions } from './in-process-bus.ts'

export interface NatsBusOptions extends BusOptions {
  /** `nats://[user:password@]host:port`, several separated by commas. */
  readonly url: string
  /** Used only when this process is the first to connect: an existing stream is never altered. */
  readonly stream?: { readonly maxAgeMs?: number; readonly maxBytes?: number }
  /** Events kept while the server cannot take them. Default 10,000. */
  readonly outboxLimit?: number
}

/** The bus over NATS with JetStream. Returns at once: the server may come later, or never. */
export function createNatsBus(options: NatsBusOptions): Bus {
  throw new Error(`NATS bus of ${options.cluster}: not built yet`)
}
