/** How the command ends; documented in docs/spec/cli.md. */
export const exitCodes = {
  ok: 0,
  /** What was asked about is not ready or not there, or something failed. */
  failed: 1,
  /** The command line cannot be used. */
  usage: 2,
  /** No cluster: none is configured, or it does not answer. */
  noCluster: 3,
  /** Other controllers look after this cluster. */
  occupied: 4,
} as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/** For the end of `--help`. */
export const exitCodeHelp = `Exit codes:
  0  done; for why: the object is ready
  1  not ready, not found, or failed
  2  the command line cannot be used
  3  no cluster: none is configured, or it does not answer
  4  refused: other controllers look after this cluster already`

/** Ends the command: one sentence for a person, and the exit code. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly exitCode: ExitCode

  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.exitCode = exitCode
  }
}
