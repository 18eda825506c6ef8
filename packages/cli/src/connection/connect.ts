import { createKube, loadConfig, type ConfigSource, type Kube, type KubeConfig } from '@weir/shared/kube'
import { createTelemetry } from '@weir/shared/telemetry'
import { version } from '../version.ts'

export interface Connection {
  readonly kube: Kube
  readonly config: KubeConfig
}

/** A connection for a person's question: no logs, no metrics, few sockets. KubeError `config`. */
export async function connect(source: ConfigSource): Promise<Connection> {
  const config = await loadConfig(source)
  const telemetry = createTelemetry({ controller: 'weir', write: () => undefined, processMetrics: false })
  const kube = await createKube({ config, userAgent: `weir/${version}`, telemetry, limits: { deadlineMs: 20_000, connections: 8 } })
  return { kube, config }
}
