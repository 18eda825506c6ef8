import { HttpError } from '@weir/shared/http'
import type { Http, HttpErrorCode } from '@weir/shared/http'
import type { Log } from '@weir/shared/telemetry'
import { formatTime } from './record.ts'
import type { CleanRecord } from './record.ts'
import { retry } from './retry.ts'
import type { Attempt } from './retry.ts'
import { createSendQueue } from './send-queue.ts'

/** The POST to `--events-addr`, read by notification-controller. */
export interface Notifications {
  post(record: CleanRecord): void
  close(graceMs: number): Promise<void>
}

export interface NotificationOptions {
  readonly url: string
  readonly http: Pick<Http, 'request'>
  readonly controller: string
  readonly instance: string
  readonly log: Log
  readonly onDrop: (count: number) => void
}

const waitingLimit = 1_000
const workers = 4
const timeoutMs = 5_000
const retries = { attempts: 5, minMs: 1_000, maxMs: 30_000 }
const largestAnswer = 64 * 1024

export function createNotifications(options: NotificationOptions): Notifications {
  const queue = createSendQueue<string>({
    limit: waitingLimit,
    workers,
    send: (body, ending) => send(body, options, ending),
    merge: (_waiting, added) => added,
    onDrop: options.onDrop,
  })
  const count = { posted: 0 }
  return {
    post(record) {
      count.posted += 1
      queue.add(String(count.posted), bodyOf(record, options))
    },
    close: queue.close,
  }
}

function bodyOf(record: CleanRecord, { controller, instance }: NotificationOptions): string {
  return JSON.stringify({
    involvedObject: record.reference,
    severity: record.type === 'Warning' ? 'error' : 'info',
    timestamp: formatTime(record.at),
    message: record.message,
    reason: record.reason,
    ...(Object.keys(record.metadata).length > 0 && { metadata: record.metadata }),
    reportingController: controller,
    reportingInstance: instance,
  })
}

async function send(body: string, options: NotificationOptions, ending: AbortSignal): Promise<void> {
  const failure = await retry(() => attempt(body, options, ending), { ...retries, ending })
  if (failure === undefined) return
  options.onDrop(1)
  options.log.warn('notification not sent', { error: failure })
}

async function attempt(body: string, { http, url }: NotificationOptions, signal: AbortSignal): Promise<Attempt> {
  try {
    const headers = { 'content-type': 'application/json' }
    const bounds = { deadlineMs: timeoutMs, maxBytes: largestAnswer, signal, accept: () => true }
    const { status } = await http.request({ method: 'POST', url, headers, body, ...bounds })
    return verdict(status)
  } catch (error) {
    return { kind: error instanceof HttpError && passing.has(error.code) ? 'again' : 'given-up', error }
  }
}

const passing: ReadonlySet<HttpErrorCode> = new Set(['unreachable', 'deadline', 'body'])

/** 429 means that the receiver has seen it already. */
function verdict(status: number): Attempt {
  if (status < 300 || status === 429) return { kind: 'done' }
  return { kind: status >= 500 ? 'again' : 'given-up', error: new Error(`HTTP ${status}`) }
}
