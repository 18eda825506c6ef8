import { headers } from '@nats-io/transport-node'
import { JetStreamApiError } from '@nats-io/jetstream'
import type { Log } from '@weir/shared/telemetry'
import type { EventType } from '../bus.ts'
import { createOutbox } from './outbox.ts'
import type { Letter } from './outbox.ts'
import type { Session } from './session.ts'

const inFlightLimit = 64
const ackTimeoutMs = 5_000
const firstRetryMs = 200
const longestRetryMs = 5_000
/** A letter that the server refuses this often is the letter's fault. */
const mostAttempts = 20

/** Sends letters in order of arrival, several at a time, each until it is stored or there is no room to keep it. */
export interface Sender {
  send(letter: Letter): void
  begin(session: Session): void
  /** Letters accepted and not stored. */
  pending(): number
  /** Resolves when nothing is pending; gives up what is left after `graceMs`. */
  drain(graceMs: number): Promise<void>
}

export interface SenderOptions {
  readonly limit: number
  readonly log: Log
  readonly onStored: (type: EventType) => void
  readonly onDrop: (count: number) => void
}

export function createSender({ limit, log, onStored, onDrop }: SenderOptions): Sender {
  const outbox = createOutbox(limit, onDrop)
  const state: { session: Session | undefined; inFlight: number; failures: number; idle: (() => void) | undefined } = {
    session: undefined,
    inFlight: 0,
    failures: 0,
    idle: undefined,
  }
  const retry: { timer: NodeJS.Timeout | undefined } = { timer: undefined }

  const pump = (): void => {
    while (state.session !== undefined && retry.timer === undefined && state.inFlight < inFlightLimit) {
      const letter = outbox.take()
      if (letter === undefined) break
      state.inFlight += 1
      void attempt(letter, state.session)
    }
    if (state.inFlight === 0 && outbox.size() === 0) state.idle?.()
  }
  const attempt = async (letter: Letter, session: Session): Promise<void> => {
    const outcome = await post(letter, session)
    state.inFlight -= 1
    if (outcome === 'stored') {
      state.failures = 0
      onStored(letter.type)
    } else {
      fail({ ...letter, attempts: letter.attempts + 1 }, session, outcome)
    }
    pump()
  }
  const fail = (letter: Letter, session: Session, error: Error): void => {
    if (mustGiveUp(letter, error)) {
      log.error('event refused by the bus', { error, type: letter.type })
      onDrop(1)
      return
    }
    outbox.putBack(letter)
    if (session.over.aborted) return
    log.debug('event not stored, trying again', { error, type: letter.type })
    if (isStreamGone(error)) session.abandon()
    state.failures += 1
    retry.timer ??= setTimeout(() => {
      retry.timer = undefined
      pump()
    }, Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(state.failures - 1, 10)))
  }
  return {
    send(letter) {
      outbox.add(letter)
      pump()
    },
    begin(session) {
      state.session = session
      session.over.addEventListener('abort', () => {
        if (state.session === session) state.session = undefined
      })
      clearTimeout(retry.timer)
      retry.timer = undefined
      pump()
    },
    pending: () => outbox.size() + state.inFlight,
    async drain(graceMs) {
      const { promise, resolve } = Promise.withResolvers<void>()
      state.idle = resolve
      const timer = setTimeout(resolve, graceMs)
      pump()
      await promise
      clearTimeout(timer)
      clearTimeout(retry.timer)
      state.session = undefined
      outbox.clear()
      if (state.inFlight > 0) onDrop(state.inFlight)
    },
  }
}

async function post(letter: Letter, session: Session): Promise<'stored' | Error> {
  try {
    const extra = headers()
    extra.set('content-type', 'application/cloudevents+json')
    if (letter.traceparent !== undefined) extra.set('traceparent', letter.traceparent)
    await session.js.publish(letter.subject, letter.payload, { msgID: letter.id, headers: extra, timeout: ackTimeoutMs })
    return 'stored'
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

function mustGiveUp(letter: Letter, error: Error): boolean {
  if (error.name === 'InvalidArgumentError' || /max_payload/i.test(error.message)) return true
  return letter.attempts >= mostAttempts && error instanceof JetStreamApiError
}

const streamGone: ReadonlySet<string> = new Set(['NoRespondersError', 'JetStreamNotEnabled'])

/** Nobody listens on the subject: the stream was deleted under us. */
function isStreamGone(error: Error): boolean {
  return streamGone.has(error.name) || (error.cause instanceof Error && streamGone.has(error.cause.name))
}
