import { isIPv6 } from 'node:net'
import { HttpError } from './http-error.ts'

export interface ListenAddress {
  /** Undefined: every address of the machine. */
  readonly host: string | undefined
  /** 0: the system chooses a free one. */
  readonly port: number
}

/** Go's notation: `:8080`, `127.0.0.1:0`, `localhost:80`, `[::1]:9090`. HttpError 'address'. */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^(?:\[([^\]]+)\]|([^:[\]/\s]*)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  const [, bracketed, plain] = match ?? []
  if (!match || port > 65_535 || (bracketed !== undefined && !isIPv6(bracketed))) {
    throw new HttpError('address', `${JSON.stringify(text)} is no address to listen on (host:port or :port)`)
  }
  return { host: bracketed ?? (plain === '' ? undefined : plain), port }
}

/** The reverse, of an address that is bound. */
export function formatAddress(host: string, port: number): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`
}
