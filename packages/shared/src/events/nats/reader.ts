import { setTimeout as sleep } from 'node:timers/promises'
import { DeliverPolicy } from '@nats-io/jetstream'
import type { ConsumerMessages, JsMsg } from '@nats-io/jetstream'
import { nanos } from '@nats-io/transport-node'
import type { Log } from '@weir/shared/telemetry'
import { resume } from './position.ts'
import type { Position } from './position.ts'
import type { Session } from './session.ts'
import { isStreamMissing, streamName } from './stream.ts'

const batch = 256
/** A consumer that nobody reads is dropped by the server after this. */
const inactiveMs = 30_000
const retryMs = 500

/** Reads one filter of the stream through all sessions, from where it was. */
export interface Reader {
  /** Resolves when messages from now on are received, or at `stop`. */
  readonly live: Promise<void>
  begin(session: Session): void
  stop(): void
}

export interface ReaderOptions {
  readonly subjectFilter: string
  readonly log: Log
  readonly receive: (message: JsMsg) => void
}

export function createReader(options: ReaderOptions): Reader {
  const { promise: live, resolve: nowLive } = Promise.withResolvers<void>()
  const stopping = new AbortController()
  const place: Place = { position: undefined, nowLive }
  return {
    live,
    begin: (session) => void readSession({ ...options, session, place, stop: AbortSignal.any([stopping.signal, session.over]) }),
    stop() {
      stopping.abort()
      nowLive()
    },
  }
}

/** What outlives a session. */
interface Place {
  position: Position | undefined
  readonly nowLive: () => void
}

interface Reading extends ReaderOptions {
  readonly session: Session
  readonly place: Place
  readonly stop: AbortSignal
}

async function readSession(reading: Reading): Promise<void> {
  const { stop, log, session } = reading
  while (!stop.aborted) {
    try {
      await readOnce(reading)
    } catch (error) {
      if (stop.aborted) return
      log.debug('reading the bus failed, trying again', { error })
      if (isStreamMissing(error)) session.abandon()
    }
    await sleep(retryMs, undefined, { signal: stop }).catch(() => undefined)
  }
}

/** Reads until the session ends, the reader stops, or the consumer is lost. */
async function readOnce({ session, place, stop, subjectFilter, receive }: Reading): Promise<void> {
  const stream = await session.manager.streams.info(streamName)
  place.position = resume(place.position, { created: stream.created, lastSequence: stream.state.last_seq })
  const consumer = await session.js.consumers.get(streamName, {
    filter_subjects: subjectFilter,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: place.position.next,
    inactive_threshold: nanos(inactiveMs),
  })
  if (stop.aborted) return
  const messages = await consumer.consume({ max_messages: batch, abort_on_missing_resource: true })
  place.nowLive()
  await drainMessages(messages, stop, (message) => {
    place.position = { created: stream.created, next: message.seq + 1 }
    receive(message)
  })
}

async function drainMessages(messages: ConsumerMessages, stop: AbortSignal, receive: (message: JsMsg) => void): Promise<void> {
  const end = (): void => messages.stop()
  stop.addEventListener('abort', end, { once: true })
  if (stop.aborted) end()
  try {
    for await (const message of messages) {
      if (stop.aborted) return
      receive(message)
    }
  } finally {
    stop.removeEventListener('abort', end)
  }
}
