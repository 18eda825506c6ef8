import { EngineError } from '@weir/shared/engine'
import type { EngineErrorCode } from '@weir/shared/engine'
import { FilesError } from '@weir/shared/files'
import { redact } from '@weir/shared/telemetry'
import type { Closure } from './closure/closure.ts'
import { KustomizeError } from './kustomize-error.ts'
import type { KustomizeErrorCode } from './kustomize-error.ts'

const codes: Readonly<Record<Exclude<EngineErrorCode, 'security'>, KustomizeErrorCode>> = {
  input: 'input',
  missing: 'missing',
  resource: 'resource',
  deadline: 'deadline',
  internal: 'unavailable',
  unavailable: 'unavailable',
  aborted: 'aborted',
}

/** Runs, and turns whatever fails into a {@link KustomizeError} that speaks of the user's repository and holds no secret. */
export async function toldToUsers<T>(closure: Closure | undefined, run: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  try {
    signal?.throwIfAborted()
    return await run()
  } catch (error) {
    if (error instanceof EngineError) throw fromEngine(error, closure)
    if (signal?.aborted === true) throw new KustomizeError('aborted', 'the build was given up', { cause: error })
    if (error instanceof KustomizeError) throw redacted(error)
    if (error instanceof FilesError) throw new KustomizeError('unavailable', `the source could not be read: ${error.code}`, { cause: error })
    throw error
  }
}

function fromEngine(error: EngineError, closure: Closure | undefined): KustomizeError {
  const { line } = error
  // A kustomization that we made is no file of the user's.
  const file = error.file === closure?.generated ? undefined : error.file
  const place = [file, line].filter((part) => part !== undefined).join(':')
  const message = file === undefined || error.message.includes(place) ? error.message : `${place}: ${error.message}`
  return new KustomizeError(codeOf(error), redact(message), { file, line, cause: error })
}

function codeOf({ code, message }: EngineError): KustomizeErrorCode {
  if (code !== 'security') return codes[code]
  return /remote|git|HTTP/.test(message) ? 'remote' : 'escapes'
}

function redacted(error: KustomizeError): KustomizeError {
  const message = redact(error.message)
  if (message === error.message) return error
  return new KustomizeError(error.code, message, { file: error.file, line: error.line, cause: error })
}
