import { setTimeout as sleep } from 'node:timers/promises'
import type { Next } from './next.ts'
import type { Reflection } from './reflection.ts'

/** Nobody knows how many wait for the same server: they do not all come in the moment it is there again. */
const spreadMs = 1_000

/**
 * The pause before the next try. Where nobody answered, an answer to anybody over the same connections says that the server is there
 * again, and ends the pause. Once: where all but this watch are answered, its pauses grow as they should. Ends with the signal.
 */
export async function rest<T>(reflection: Reflection<T>, { pauseMs, failures }: Next): Promise<void> {
  const { signal, caller } = reflection
  const { onAnswer } = caller.connection
  if (failures.unanswered === 0) reflection.hurried = false
  if (pauseMs === 0) return
  if (failures.unanswered === 0 || reflection.hurried) return pause(pauseMs, signal)
  const answered = new AbortController()
  const hurry = (): void => answered.abort()
  onAnswer.add(hurry)
  await pause(pauseMs, AbortSignal.any([signal, answered.signal]))
  onAnswer.delete(hurry)
  reflection.hurried = answered.signal.aborted
  if (reflection.hurried) await pause(Math.random() * Math.min(spreadMs, pauseMs), signal)
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined)
}
