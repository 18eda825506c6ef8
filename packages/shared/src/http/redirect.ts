import { HttpError } from './http-error.ts'
import type { Headers } from './http.ts'

/** Where the next request goes, and whether it still goes to the origin that the headers were meant for. */
export interface Hop {
  readonly url: URL
  readonly headers: Headers
  readonly foreign: boolean
}

export function isRedirect(status: number): boolean {
  return [301, 302, 303, 307, 308].includes(status)
}

/** HttpError 'redirect' for a target that is none, leaves TLS, or is no HTTP. */
export function nextHop(hop: Hop, location: string | undefined, what: string): Hop {
  if (location === undefined || !URL.canParse(location, hop.url.href)) throw new HttpError('redirect', `${what}: redirected to nowhere`)
  const url = new URL(location, hop.url)
  url.username = ''
  url.password = ''
  url.hash = ''
  if (!['http:', 'https:'].includes(url.protocol)) throw new HttpError('redirect', `${what}: redirected to ${url.protocol}`)
  if (hop.url.protocol === 'https:' && url.protocol === 'http:') {
    throw new HttpError('redirect', `${what}: redirected from https to http`)
  }
  if (url.origin === hop.url.origin) return { ...hop, url }
  return { url, headers: harmless(hop.headers), foreign: true }
}

/** Any header can be a credential (PRIVATE-TOKEN, X-Api-Key): only these are known not to be. */
const harmlessNames: ReadonlySet<string> = new Set(['accept', 'user-agent', 'range', 'if-none-match', 'if-modified-since'])

function harmless(headers: Headers): Headers {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => harmlessNames.has(name)))
}
