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
