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
  const pause = createPause()
  const idle = Promise.withResolvers<void>()
  const state: { session: Session | undefined; inFlight: number; ending: 'not' | 'draining' | 'over' } = { session: undefined, inFlight: 0, ending: 'not' }

  const pump = (): void => {
    while (state.session !== undefined && !pause.holds() && state.inFlight < inFlightLimit) {
      const letter = outbox.take()
      if (letter === undefined) break
      state.inFlight += 1
      void attempt(letter, state.session)
    }
    if (state.ending === 'draining' && state.inFlight + outbox.size() === 0) idle.resolve()
  }
  const attempt = async (letter: Letter, session: Session): Promise<void> => {
    const outcome = await post(letter, session)
    if (state.ending === 'over') return // counted as dropped
    state.inFlight -= 1
    if (outcome === 'stored') pause.reset()
    if (outcome === 'stored') onStored(letter.type)
    else fail({ ...letter, attempts: letter.attempts + 1 }, session, outcome)
    pump()
  }
  const fail = (letter: Letter, session: Session, error: Error): void => {
    if (mustGiveUp(letter, error)) return refuse(letter, error)
    outbox.putBack(letter)
    if (session.over.aborted) return
    log.debug('event not stored, trying again', { error, type: letter.type })
    if (isStreamGone(error)) session.abandon()
    pause.hold(pump)
  }
  const refuse = (letter: Letter, error: Error): void => {
    log.error('event refused by the bus', { error, type: letter.type })
    onDrop(1)
  }
  return {
    send(letter) {
      outbox.add(letter)
      pump()
    },
    begin(session) {
      state.session = session
      session.over.addEventListener('abort', () => void (state.session = state.session === session ? undefined : state.session))
      pause.end()
      pump()
    },
    pending: () => outbox.size() + state.inFlight,
    async drain(graceMs) {
      state.ending = 'draining'
      pump()
      await withinMs(idle.promise, graceMs)
      state.ending = 'over'
      pause.end()
      outbox.clear()
      if (state.inFlight > 0) onDrop(state.inFlight)
      state.inFlight = 0
    },
  }
}

async function withinMs(wanted: Promise<void>, graceMs: number): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, graceMs)
  await Promise.race([wanted, late])
  clearTimeout(timer)
}

/** Holds all sending back after a failure, longer each time until something is stored. */
interface Pause {
  holds(): boolean
  hold(then: () => void): void
  end(): void
  reset(): void
}

function createPause(): Pause {
  const state: { timer: NodeJS.Timeout | undefined; failures: number } = { timer: undefined, failures: 0 }
  return {
    holds: () => state.timer !== undefined,
    hold(then) {
      if (state.timer !== undefined) return
      const ms = Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(state.failures, 10))
      state.failures += 1
      state.timer = setTimeout(() => {
        state.timer = undefined
        then()
      }, ms)
    },
    end() {
      clearTimeout(state.timer)
      state.timer = undefined
    },
    reset() {
      state.failures = 0
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
