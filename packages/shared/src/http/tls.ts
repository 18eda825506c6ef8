/** PEM texts. */
export interface TlsOptions {
  /** Replaces the system's roots. */
  readonly ca?: string | Buffer
  readonly cert?: string | Buffer
  readonly key?: string | Buffer
  /** Name to ask for and to check, where it is not the URL's host. */
  readonly servername?: string
  /** Never set for a connection that carries a credential, unless the user said so. */
  readonly insecureSkipVerify?: boolean
}
