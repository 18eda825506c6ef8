import { Transform } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault } from './fault-rules.ts'
import { statusBody } from './fault-rules.ts'

export interface BodyFault {
  readonly fault: Fault | undefined
  /** Breaks the client's connection, leaving what was written. */
  readonly reset: () => void
  /** Closes it politely, in the middle. */
  readonly end: () => void
  /** Aborted when the response is over. */
  readonly over: AbortSignal
}

/** What a response body goes through. Faults that do not concern it let it pass. */
export function createBodyFault({ fault, reset, end, over }: BodyFault): Transform {
  if (fault === undefined) return passThrough()
  switch (fault.kind) {
    case 'cut':
      if (fault.afterMs !== undefined) void later(fault.afterMs, over, reset)
      return stopAfter(fault.afterBytes ?? Number.POSITIVE_INFINITY, reset)
    case 'truncate':
      return stopAfter(fault.keepBytes, end)
    case 'slow':
      return slow(fault.bytesPerSecond, over)
    case 'duplicate-lines':
      return duplicateLines()
    case 'gone-event':
      return goneEvent(fault.afterMs, over)
    default:
      return passThrough()
  }
}

function passThrough(): Transform {
  return new Transform({ transform: (chunk, _encoding, done) => done(null, chunk) })
}

function stopAfter(limit: number, stop: () => void): Transform {
  const state = { left: limit }
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (state.left <= 0) return done()
      const kept = chunk.subarray(0, Math.min(chunk.length, state.left))
      state.left -= kept.length
      if (state.left <= 0) setImmediate(() => setTimeout(stop, 10)) // after the kept bytes have left
      done(null, kept)
    },
    flush(done) {
      // a body that is shorter than the limit ends as it is
      if (state.left > 0) done()
    },
  })
}

const slices = 20

function slow(bytesPerSecond: number, over: AbortSignal): Transform {
  const sliceBytes = Math.max(1, Math.floor(bytesPerSecond / slices))
  return new Transform({
    async transform(chunk: Buffer, _encoding, done) {
      for (let at = 0; at < chunk.length && !over.aborted; at += sliceBytes) {
        await sleep(1_000 / slices, undefined, { signal: over }).catch(() => undefined)
        this.push(chunk.subarray(at, at + sliceBytes))
      }
      done()
    },
  })
}

function duplicateLines(): Transform {
  const state = { rest: Buffer.alloc(0) }
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const all = Buffer.concat([state.rest, chunk])
      const end = all.lastIndexOf(0x0a) + 1
      state.rest = all.subarray(end)
      for (const line of all.subarray(0, end).toString().split('\n').slice(0, -1)) this.push(`${line}\n${line}\n`)
      done()
    },
    flush(done) {
      done(null, state.rest)
    },
  })
}

function goneEvent(afterMs: number, over: AbortSignal): Transform {
  const stream = new Transform({ transform: (chunk, _encoding, done) => done(null, stream.writableEnded ? undefined : chunk) })
  void later(afterMs, over, () => {
    if (stream.destroyed || stream.writableEnded) return
    stream.push(`${JSON.stringify({ type: 'ERROR', object: JSON.parse(statusBody(410, 'too old resource version')) })}\n`)
    stream.end()
  })
  return stream
}

async function later(ms: number, over: AbortSignal, run: () => void): Promise<void> {
  const elapsed = await sleep(ms, true, { signal: over }).catch(() => false)
  if (elapsed) run()
}
