import type { TlsOptions } from '@weir/shared/http'

/** Where the API server is and how to prove who we are. Made by `loadConfig`. */
export interface KubeConfig {
  /** URL; a path is kept as a prefix of every call. */
  readonly server: string
  /** Of the context, or of the pod. */
  readonly namespace: string | undefined
  /** Name of the context; `in-cluster` in a pod. */
  readonly context: string
  readonly proxy: string | undefined
  /** Cached for 5 s; a token file is read again after a minute at most, an exec plugin when its token expires. KubeError 'config'. */
  credentials(): Promise<Credentials>
  /** Drops everything cached, as after a 401. */
  reload(): void
}

export interface Credentials {
  /** Secret. */
  readonly headers: Readonly<Record<string, string>>
  readonly tls: TlsOptions
}

/** Exactly one of `kubeconfig`, `text` and `inCluster`. */
export interface ConfigSource {
  /** Path of a file. */
  readonly kubeconfig?: string
  /** The content of one. Relative file names in it are refused. */
  readonly text?: string
  /** Default: the file's current-context. */
  readonly context?: string
  /** The pod's service account. */
  readonly inCluster?: boolean
}

/** KubeError 'config' names what is missing. */
export async function loadConfig(source: ConfigSource): Promise<KubeConfig> {
  throw new Error(`kubeconfig ${source.kubeconfig}: not built yet`)
}
