import { isUtf8 } from 'node:buffer'
import type { BuiltObject, View } from './engine.ts'
import { EngineError } from './engine-error.ts'
import { explain, explainPanic } from './explain.ts'
import { encodeFrame, maxFrameBytes } from './frames.ts'

/** Where the service sees a view; it must say what `engines/kustomize/view.go` says. */
const viewRoot = '/weir-view'

/** The frame that asks for a build. */
export function encodeRequest(view: View, deadlineMs: number): Buffer | EngineError {
  const texts: Record<string, string> = {}
  const blobs: Record<string, string> = {}
  let size = 0
  for (const [name, content] of view.files) {
    size += content.length
    const bytes = Buffer.from(content.buffer, content.byteOffset, content.length)
    if (isUtf8(bytes)) texts[name] = bytes.toString('utf8')
    else blobs[name] = bytes.toString('base64')
  }
  const request = { path: view.path, texts, blobs, deadlineMs }
  const frame = size > maxFrameBytes ? undefined : encodeFrame(request)
  if (frame !== undefined && frame.length <= maxFrameBytes) return frame
  return new EngineError('resource', `the files of the build need more than ${maxFrameBytes} bytes`)
}

export interface Answer {
  readonly kind: 'objects' | 'error' | 'panic'
  /** Counts the requests of one process, from 1. */
  readonly n: number
  readonly objects: readonly BuiltObject[]
  readonly error: EngineError | undefined
}

/** Undefined for a frame that is no answer. */
export function decodeAnswer(frame: Buffer, view: View): Answer | undefined {
  const answer = parseAnswer(frame)
  if (answer === undefined) return undefined
  const { n, objects = [], error, class: failure } = answer
  if (error === undefined) return { kind: 'objects', n, objects, error: undefined }
  const kind = failure === 'panic' ? 'panic' : 'error'
  return { kind, n, objects: [], error: errorOf({ error, failure }, view) }
}

interface Parsed {
  readonly n: number
  readonly objects?: readonly BuiltObject[]
  readonly error?: string
  readonly class?: string
}

function parseAnswer(frame: Buffer): Parsed | undefined {
  try {
    const answer: unknown = JSON.parse(frame.toString('utf8'))
    return typeof answer === 'object' && answer !== null && 'n' in answer ? (answer as Parsed) : undefined
  } catch {
    return undefined
  }
}

function errorOf({ error, failure }: { readonly error: string; readonly failure: string | undefined }, view: View): EngineError {
  if (failure === 'resource') return new EngineError('resource', error)
  // A custom schema that does not parse is a panic that says what is wrong.
  if (failure === 'panic' && !error.startsWith('invalid schema file')) return explainPanic(error, view)
  return explain({ text: error, root: viewRoot, view })
}
