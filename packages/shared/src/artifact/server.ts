import type { Telemetry } from '@weir/shared/telemetry'

export interface ArtifactServerOptions {
  readonly root: string
  /** `host:port` or `:port`; port 0 takes a free one. */
  readonly address: string
  readonly telemetry: Telemetry
}

export interface ArtifactServer {
  /** `host:port` it listens on. */
  readonly address: string
  /** GETs that were answered with a body, since the start. */
  served(): number
  close(): Promise<void>
}

export async function serveStore(options: ArtifactServerOptions): Promise<ArtifactServer> {
  throw new Error(`artifact server of ${options.root}: not built yet`)
}
