import { pino } from 'pino'
import type { DestinationStream, Logger } from 'pino'
import { consoleLine } from './console-line.ts'
import { cleanFields } from './log-fields.ts'
import { redact } from './redact.ts'
import { createTurnOfLines } from './turn-of-lines.ts'

/** Accepted by `--log-level`; `warn` is for programs that start us. `trace` adds nothing to `debug` yet. */
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error'

/** `json` is one Flux-shaped object a line; `console` is for people: tab-separated, the fields as JSON at the end. */
export type LogEncoding = 'json' | 'console'

/** Facts of a line. Strings are redacted; an `Error` under any key becomes its message. */
export type LogFields = Readonly<Record<string, unknown>>

/** The message is a constant, facts are fields. */
export interface Log {
  /** We looked. */
  debug(message: string, fields?: LogFields): void
  /** Something changed. */
  info(message: string, fields?: LogFields): void
  /** Something is odd and we carry on. */
  warn(message: string, fields?: LogFields): void
  /** A person should act. */
  error(message: string, fields?: LogFields): void
  /** The same log with these fields on every line. */
  with(fields: LogFields): Log
}

export interface LogSink {
  log(controller: string): Log
  setLevel(level: LogLevel): void
  level(): LogLevel
}

export interface LogSinkOptions {
  readonly level: LogLevel
  readonly encoding: LogEncoding
  readonly write?: (line: string) => void
  /** `trace_id` and `span_id` of the current span. */
  readonly traceFields: () => LogFields
}

type Method = 'debug' | 'info' | 'warn' | 'error'

/** One output with one level, for all controllers of a process. The only place that knows pino. */
export function createLogSink(options: LogSinkOptions): LogSink {
  const output = openOutput(options)
  const root = pino(
    {
      level: 'trace', // ours decides, so that a changed level reaches every child at once
      base: null,
      messageKey: 'msg',
      timestamp: () => `,"ts":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    output,
  )
  const current = { level: options.level }

  const logOf = (logger: Logger, own: LogFields): Log => {
    const write = (method: Method, message: string, fields: LogFields): void => {
      if (!passes(method, current.level)) return
      logger[method](cleanFields({ ...own, ...fields, ...options.traceFields() }), redact(message))
      if (method === 'error') output.flush()
    }
    return {
      debug: (message, fields = {}) => write('debug', message, fields),
      info: (message, fields = {}) => write('info', message, fields),
      warn: (message, fields = {}) => write('warn', message, fields),
      error: (message, fields = {}) => write('error', message, fields),
      with: (fields) => logOf(logger, { ...own, ...fields }),
    }
  }
  return {
    log: (controller) => logOf(root, { logger: controller }),
    setLevel: (level) => {
      current.level = level
    },
    level: () => current.level,
  }
}

const order: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error']

function passes(method: Method, level: LogLevel): boolean {
  return order.indexOf(method) >= order.indexOf(level)
}

interface Output extends DestinationStream {
  flush(): void
}

/**
 * The lines of one turn go to standard output in one synchronous write. What could be the last that a process says does not wait:
 * an error, and whatever is there when it exits.
 */
function openOutput({ encoding, write }: LogSinkOptions): Output {
  const { write: writeLine, flush } = write === undefined ? openStandardOutput() : { write, flush: () => undefined }
  return { flush, write: encoding === 'json' ? writeLine : (line) => writeLine(consoleLine(line)) }
}

function openStandardOutput(): Output {
  const raw = pino.destination({ fd: 1, sync: true })
  const { add, flush } = createTurnOfLines((lines) => void raw.write(lines))
  process.once('exit', flush)
  return { write: add, flush }
}
