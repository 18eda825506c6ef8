import type { Telemetry } from '@weir/shared/telemetry'
import type { Engine } from './engine.ts'

export interface KubectlEngineOptions {
  /** Path of kubectl; see {@link kubectlBinary}. */
  readonly kubectl: string
  /** Directory for one private directory a build; made if absent. Emptied by nobody else. */
  readonly temp: string
  /** Whether `temp` lies in memory (tmpfs); without it a view that holds secrets is refused. */
  readonly memoryBacked?: boolean
  readonly telemetry: Telemetry
  /** Builds at a time. Default: one a core. */
  readonly processes?: number
  /** Default 512 MiB. */
  readonly memoryBytes?: number
}

/** The same contract as the service, one `kubectl kustomize` a build: for machines without the service's binary. */
export function createKubectlEngine(options: KubectlEngineOptions): Engine {
  throw new Error(`${options.kubectl}: not built yet`)
}
