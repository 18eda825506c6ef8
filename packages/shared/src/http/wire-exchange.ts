import type { Dispatcher } from 'undici'
import { HttpError } from './http-error.ts'
import { bodyError, sendError } from './wire-error.ts'
import { present, type WireAnswer, type WireRequest } from './wire-request.ts'

/** One exchange while it runs. */
interface Collecting {
  readonly chunks: Buffer[]
  bytes: number
  status: number | undefined
  headers: WireAnswer['headers']
  controller: Dispatcher.DispatchController | undefined
}

/** Collects an answer as it arrives, without a stream in between: at thousands of small calls a stream costs as much as the call. */
export function exchange(dispatcher: Dispatcher, { request, maxBytes }: { readonly request: WireRequest; readonly maxBytes: number }): Promise<WireAnswer> {
  const { origin, path, method, headers, body, signal } = request
  const what = `${method} ${origin}${path.split('?', 1)[0]}`
  const state: Collecting = { chunks: [], bytes: 0, status: undefined, headers: {}, controller: undefined }
  const { promise, resolve, reject } = Promise.withResolvers<WireAnswer>()
  const abort = (): void => {
    const aborted = new HttpError('aborted', `${what}: aborted`, { cause: signal.reason })
    if (state.controller === undefined) return reject(aborted) // no connection is free: it is never sent
    state.controller.abort(aborted)
  }
  const end = (): void => signal.removeEventListener('abort', abort)
  const fail = (error: unknown): void => {
    end()
    reject(state.status === undefined ? sendError(error, what, signal) : bodyError(error, what, signal))
  }
  signal.addEventListener('abort', abort, { once: true })
  const handler: Dispatcher.DispatchHandler = {
    onRequestStart(controller) {
      state.controller = controller
      if (signal.aborted) abort()
    },
    onResponseStart(_controller, status, answered) {
      if (status < 200) return
      state.status = status
      state.headers = answered
    },
    onResponseData(controller, chunk) {
      state.bytes += chunk.length
      if (state.bytes > maxBytes) return controller.abort(new HttpError('too-large', `${what}: an answer of more than ${maxBytes} bytes`))
      state.chunks.push(chunk)
    },
    onResponseEnd() {
      end()
      const [first] = state.chunks
      const bytes = state.chunks.length === 1 && first ? first : Buffer.concat(state.chunks)
      resolve({ status: state.status ?? 0, headers: state.headers, bytes })
    },
    onResponseError: (_controller, error) => fail(error),
  }
  try {
    dispatcher.dispatch({ origin, path, method: method as Dispatcher.HttpMethod, headers: present(headers), body: body ?? null }, handler)
  } catch (error) {
    fail(error)
  }
  return promise
}
