import type { Telemetry } from '@weir/shared/telemetry'
import type { Engine } from './engine.ts'

export interface KustomizeServiceOptions {
  /** Path of the built `engines/kustomize`; see {@link kustomizeEngineBinary}. */
  readonly binary: string
  readonly telemetry: Telemetry
  /** Processes at most. Default: one a core, at least 1. */
  readonly processes?: number
  /** Of one process: data memory. Default 512 MiB. */
  readonly memoryBytes?: number
  /** A process without work ends after this. Default 60 s. */
  readonly idleMs?: number
}

/** kustomize as a pool of long-lived processes, one build at a time in each. */
export function createKustomizeService(options: KustomizeServiceOptions): Engine {
  throw new Error(`${options.binary}: not built yet`)
}
