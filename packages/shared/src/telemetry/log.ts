import { pino } from 'pino'
import type { DestinationStream, Logger } from 'pino'
import { consoleLine } from './console-line.ts'
import { cleanFields } from './log-fields.ts'
import { redact } from './redact.ts'

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
  const root = pino(
    {
      level: 'trace', // ours decides, so that a changed level reaches every child at once
      base: null,
      messageKey: 'msg',
      timestamp: () => `,"ts":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination(options),
  )
  const current = { level: options.level }

  const logOf = (logger: Logger, own: LogFields): Log => {
    const write = (method: Method, message: string, fields: LogFields): void => {
      if (!passes(method, current.level)) return
      logger[method](cleanFields({ ...own, ...fields, ...options.traceFields() }), redact(message))
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

/** Standard output is written synchronously: the last line before a crash is the one that matters. */
function destination({ encoding, write }: LogSinkOptions): DestinationStream {
  const raw = write === undefined ? pino.destination({ fd: 1, sync: true }) : { write }
  return encoding === 'json' ? raw : { write: (line: string) => raw.write(consoleLine(line)) }
}
