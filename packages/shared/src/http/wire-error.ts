import { redact } from '@weir/shared/telemetry'
import { HttpError } from './http-error.ts'

/** A failure before the headers, as an HttpError. */
export function sendError(error: unknown, what: string, signal: AbortSignal): HttpError {
  if (signal.aborted) return new HttpError('aborted', `${what}: aborted`, { cause: signal.reason })
  const code = codeOf(error)
  const message = redact(`${what}: ${wordsOf(error, code)}`)
  if (code === 'UND_ERR_INVALID_ARG') return new HttpError('address', message, { cause: error, unsent: true })
  if (isTls(code)) return new HttpError('tls', message, { cause: error, unsent: true })
  if (code.startsWith('HPE_')) return new HttpError('body', message, { cause: error })
  return new HttpError('unreachable', message, { cause: error, unsent: neverSent.has(code) })
}

/** A failure after the headers. */
export function bodyError(error: unknown, what: string, signal: AbortSignal): HttpError {
  if (error instanceof HttpError) return error
  if (signal.aborted) return new HttpError('aborted', `${what}: aborted`, { cause: signal.reason })
  return new HttpError('body', redact(`${what}: the answer broke off: ${wordsOf(error, codeOf(error))}`), { cause: error })
}

/** Failures of connecting: no request was written yet. A reset is not among them, it can come at any time. */
const neverSent: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_PRX_CONN',
])

function isTls(code: string): boolean {
  return /^(ERR_TLS_|ERR_SSL_|ERR_OSSL_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|EPROTO$|HOSTNAME_MISMATCH|INVALID_CA|UND_ERR_PRX_TLS)/.test(code)
}

function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return ''
  if ('code' in error && typeof error.code === 'string') return error.code
  return error instanceof AggregateError ? codeOf(error.errors[0]) : ''
}

const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection closed by the peer',
  UND_ERR_SOCKET: 'connection closed by the peer',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'name server does not answer',
  UND_ERR_CONNECT_TIMEOUT: 'no connection in time',
}

/** Stable between tries: no local port, no time. */
function wordsOf(error: unknown, code: string): string {
  return words[code] ?? (error instanceof Error && error.message !== '' ? error.message : code || 'failed')
}
