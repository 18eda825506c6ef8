import { retryAfterMs, type Headers, type HttpError } from '@weir/shared/http'
import { fieldAt } from '@weir/shared/manifest'
import { redact } from '@weir/shared/telemetry'
import { KubeError, longestRetryAfterMs, type KubeErrorCode, type StatusCause } from '../kube-error.ts'

/** An answer of 400 and above, or the Status of a watch's ERROR event, as a KubeError. `what`: verb and object. */
export function statusError(what: string, status: number, { headers = {}, body }: { readonly headers?: Headers; readonly body: unknown }): KubeError {
  const isStatus = fieldAt(body, 'kind') === 'Status'
  const reason = isStatus ? textOf(fieldAt(body, 'reason')) : undefined
  const words = isStatus ? textOf(fieldAt(body, 'message')) : undefined
  const afterMs = pauseOf(headers, body)
  return new KubeError(codeOf(status, reason, body), redact(`${what}: ${words ?? `HTTP ${status}`}`), {
    status,
    ...(reason !== undefined && { reason }),
    ...(afterMs !== undefined && { retryAfterMs: afterMs }),
    causes: isStatus ? causesOf(body) : [],
  })
}

/** A failure on the way to the API server. */
export function transportError(error: HttpError): KubeError {
  return new KubeError(transportCodes[error.code], error.message, { cause: error })
}

const transportCodes: Readonly<Record<HttpError['code'], KubeErrorCode>> = {
  aborted: 'aborted',
  deadline: 'timeout',
  unreachable: 'unreachable',
  body: 'unreachable',
  tls: 'unreachable',
  status: 'server',
  redirect: 'server',
  'too-large': 'too-large',
  address: 'config',
}

const codes: Readonly<Record<number, KubeErrorCode>> = {
  400: 'bad-request',
  401: 'unauthorized',
  403: 'forbidden',
  405: 'method-not-allowed',
  406: 'unsupported',
  408: 'timeout',
  410: 'gone',
  413: 'too-large',
  415: 'unsupported',
  422: 'invalid',
  429: 'throttled',
  504: 'timeout',
}

function codeOf(status: number, reason: string | undefined, body: unknown): KubeErrorCode {
  if (status === 409) return reason === 'AlreadyExists' ? 'already-exists' : 'conflict'
  // An object that is not there is named in `details`; a kind or group that is not there is not, or is answered in plain text.
  if (status === 404) return textOf(fieldAt(body, 'details', 'name')) === undefined ? 'not-served' : 'not-found'
  return codes[status] ?? (status >= 500 ? 'server' : 'bad-request')
}

function causesOf(body: unknown): readonly StatusCause[] {
  const causes = fieldAt(body, 'details', 'causes')
  if (!Array.isArray(causes)) return []
  return causes.map((cause: unknown) => {
    const [reason, field, message] = [fieldAt(cause, 'reason'), fieldAt(cause, 'field'), fieldAt(cause, 'message')].map(textOf)
    return {
      ...(reason !== undefined && { reason }),
      ...(field !== undefined && { field }),
      ...(message !== undefined && { message: redact(message) }),
    }
  })
}

function pauseOf(headers: Headers, body: unknown): number | undefined {
  const header = headers['retry-after']
  const askedMs = retryAfterMs(typeof header === 'string' ? header : header?.[0], new Date()) ?? pauseInBody(body)
  return askedMs === undefined ? undefined : Math.min(askedMs, longestRetryAfterMs)
}

function pauseInBody(body: unknown): number | undefined {
  const seconds = fieldAt(body, 'details', 'retryAfterSeconds')
  return typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : undefined
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
