import type { Telemetry } from '@weir/shared/telemetry'
import type { Bus } from './bus.ts'

export interface BusOptions {
  /** `--cluster-name`: the third token of every subject. */
  readonly cluster: string
  readonly telemetry: Telemetry
  readonly now?: () => Date
}

/** A bus for one process, when `--nats-url` is unset. */
export function createInProcessBus(options: BusOptions): Bus {
  throw new Error(`in-process bus of ${options.cluster}: not built yet`)
}
