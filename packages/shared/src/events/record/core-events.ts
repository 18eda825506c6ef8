import { createHash } from 'node:crypto'
import { KubeError } from '@weir/shared/kube'
import type { Kube, KubeErrorCode } from '@weir/shared/kube'
import type { Log } from '@weir/shared/telemetry'
import { createCorrelator } from './correlate.ts'
import { formatTime } from './record.ts'
import type { CleanRecord } from './record.ts'
import { retry } from './retry.ts'
import type { Attempt } from './retry.ts'
import { createSendQueue } from './send-queue.ts'

/** Kubernetes Events (core/v1), as `kubectl describe` and `flux events` read them. */
export interface CoreEvents {
  write(record: CleanRecord): void
  close(graceMs: number): Promise<void>
}

export interface CoreEventsOptions {
  readonly kube: Pick<Kube, 'create' | 'patch'>
  readonly controller: string
  readonly instance: string
  readonly log: Log
  readonly onDrop: (count: number) => void
}

const resource = { group: '', version: 'v1', kind: 'Event', plural: 'events', namespaced: true }
const waitingLimit = 1_000
const workers = 4
const retries = { attempts: 5, minMs: 500, maxMs: 10_000 }

interface Write {
  readonly kind: 'create' | 'repeat'
  readonly namespace: string
  readonly name: string
  readonly event: CoreEvent
}

interface CoreEvent {
  readonly count: number
  readonly lastTimestamp: string
  readonly message: string
  readonly [field: string]: unknown
}

export function createCoreEvents(options: CoreEventsOptions): CoreEvents {
  const correlate = createCorrelator()
  const queue = createSendQueue<Write>({
    limit: waitingLimit,
    workers,
    send: (write, ending) => send(write, options, ending),
    merge: (waiting, added) => ({ ...added, kind: waiting.kind }),
    onDrop: options.onDrop,
  })
  return {
    write(record) {
      const { kind, namespace = '', name, uid = '' } = record.reference
      const object = [kind, namespace, name, uid].join('/')
      const { type, reason, message, at } = record
      const telling = correlate({ object, type, reason, message, atMs: at.getTime() })
      if (telling.kind === 'suppress') return options.onDrop(1)
      const target = { namespace: namespace === '' ? 'default' : namespace, name: eventName(name, [options.controller, options.instance, telling.key, telling.firstAtMs].join('/')) }
      queue.add(`${target.namespace}/${target.name}`, { kind: telling.kind, ...target, event: eventOf(record, target, { ...telling, ...options }) })
    },
    close: queue.close,
  }
}

interface Told {
  readonly message: string
  readonly count: number
  readonly firstAtMs: number
  readonly controller: string
  readonly instance: string
}

function eventOf(record: CleanRecord, target: { readonly namespace: string; readonly name: string }, told: Told): CoreEvent {
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { ...target, ...(Object.keys(record.metadata).length > 0 && { annotations: record.metadata }) },
    involvedObject: record.reference,
    reason: record.reason,
    message: told.message,
    source: { component: told.controller },
    firstTimestamp: formatTime(new Date(told.firstAtMs)),
    lastTimestamp: formatTime(record.at),
    count: told.count,
    type: record.type,
    reportingComponent: told.controller,
    reportingInstance: told.instance,
  }
}

const longestPrefix = 230

/** `<object>.<16 hex>`: the same for every repetition, so that a repetition needs no memory of an answer. */
function eventName(object: string, key: string): string {
  const prefix = object.slice(0, longestPrefix).replace(/[^a-z0-9]+$/, '')
  return `${prefix}.${createHash('sha256').update(key).digest('hex').slice(0, 16)}`
}

async function send(write: Write, { kube, log, onDrop }: CoreEventsOptions, ending: AbortSignal): Promise<void> {
  const state = { kind: write.kind }
  const failure = await retry(async () => {
    const outcome = await (state.kind === 'create' ? attempt(() => kube.create(resource, write.event)) : attempt(() => patch(kube, write)))
    if (outcome.kind !== 'given-up') return outcome
    const code = codeOf(outcome.error)
    if (state.kind === 'repeat' && code === 'not-found') return switchTo(state, 'create', outcome.error) // its hour is over
    if (state.kind === 'create' && code === 'already-exists') return switchTo(state, 'repeat', outcome.error) // an answer was lost
    return outcome
  }, { ...retries, ending })
  if (failure === undefined) return
  onDrop(1)
  log.debug('event not written', { error: failure, namespace: write.namespace })
}

function patch(kube: Pick<Kube, 'patch'>, { namespace, name, event }: Write): Promise<unknown> {
  const { count, lastTimestamp, message } = event
  return kube.patch({ resource, namespace, name }, { type: 'merge', body: { count, lastTimestamp, message } })
}

function switchTo(state: { kind: Write['kind'] }, kind: Write['kind'], error: unknown): Attempt {
  state.kind = kind
  return { kind: 'again', error }
}

const passing: ReadonlySet<KubeErrorCode> = new Set(['conflict', 'throttled', 'timeout', 'unreachable', 'server'])

async function attempt(write: () => Promise<unknown>): Promise<Attempt> {
  try {
    await write()
    return { kind: 'done' }
  } catch (error) {
    if (!(error instanceof KubeError) || !passing.has(error.code)) return { kind: 'given-up', error }
    return { kind: 'again', error, afterMs: error.retryAfterMs ?? 0 }
  }
}

function codeOf(error: unknown): KubeErrorCode | undefined {
  return error instanceof KubeError ? error.code : undefined
}
