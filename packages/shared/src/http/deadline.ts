import { HttpError } from './http-error.ts'

/** A signal that fires at an absolute deadline or with the caller's signal, and lets go of both when ended. */
export interface Deadline {
  readonly signal: AbortSignal
  leftMs(): number
  /** HttpError 'deadline' or 'aborted' for something that failed because the signal fired; undefined when it has not. */
  verdict(what: string): HttpError | undefined
  /** Must be called, else timer and listener stay until the deadline. */
  end(): void
}

export function startDeadline(deadlineMs: number, signal?: AbortSignal): Deadline {
  const controller = new AbortController()
  const endsMs = performance.now() + deadlineMs
  const state = { expired: false }
  const onAbort = (): void => controller.abort(signal?.reason)
  const expire = (): void => {
    state.expired = true
    signal?.removeEventListener('abort', onAbort)
    controller.abort(new Error('deadline passed'))
  }
  const timer = setTimeout(expire, Math.min(deadlineMs, maxTimerMs))
  if (signal?.aborted) onAbort()
  else signal?.addEventListener('abort', onAbort, { once: true })
  return {
    signal: controller.signal,
    leftMs: () => Math.max(0, endsMs - performance.now()),
    verdict(what) {
      if (!controller.signal.aborted) return undefined
      if (state.expired) return new HttpError('deadline', `${what}: no answer within ${deadlineMs / 1000} s`)
      return new HttpError('aborted', `${what}: aborted`, { cause: signal?.reason })
    },
    end() {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    },
  }
}

/** setTimeout fires at once past this. */
const maxTimerMs = 2 ** 31 - 1
