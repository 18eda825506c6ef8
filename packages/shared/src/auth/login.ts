/** How to prove who we are to a Git server. Plain data; everything inside is a secret except `user` and `knownHosts`. */
export type Login =
  | { readonly kind: 'none'; readonly tls?: TlsFiles }
  | { readonly kind: 'basic'; readonly username: string; readonly password: string; readonly tls?: TlsFiles }
  | { readonly kind: 'bearer'; readonly token: string; readonly tls?: TlsFiles }
  | {
      readonly kind: 'ssh'
      readonly user: string
      /** Private key in PEM or OpenSSH form. */
      readonly identity: string
      /** Lines of a known_hosts file: the only host keys that are trusted. */
      readonly knownHosts: string
      /** Of the private key. */
      readonly passphrase?: string
    }

/** PEM texts. `ca` is trusted beside the system's own authorities. */
export interface TlsFiles {
  readonly ca?: string
  readonly client?: { readonly certificate: string; readonly key: string }
}
