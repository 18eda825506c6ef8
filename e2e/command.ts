import { constants } from 'node:os'

export type Parsed<Run> = { readonly kind: 'run'; readonly run: Run } | { readonly kind: 'help' } | { readonly kind: 'wrong'; readonly message: string }

export interface Command<Run> {
  /** As the last words of a failed run have it. */
  readonly name: string
  readonly usage: string
  parse(argv: readonly string[]): Parsed<Run>
  /** Resolves to the exit code. `signal` ends it in order. */
  run(given: Run, signal: AbortSignal): Promise<number>
}

/** A command of minutes or hours, from its arguments to its exit code: 2 for wrong arguments, 1 for a run that failed, 130 after Ctrl-C as in a shell. */
export async function runCommand<Run>({ name, usage, parse, run }: Command<Run>): Promise<number> {
  const parsed = parse(process.argv.slice(2))
  switch (parsed.kind) {
    case 'help':
      say(usage)
      return 0
    case 'wrong':
      say(`${parsed.message}\n\n${usage}`)
      return 2
    case 'run': {
      const stop = listenForStop()
      return run(parsed.run, stop.signal).catch((error: unknown) => {
        const by = stop.by()
        say(by === undefined ? `${name} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}` : `${name}: stopped by ${by}`)
        return by === undefined ? 1 : 128 + constants.signals[by]
      })
    }
  }
}

/** Ctrl-C ends a run in order; a second one at once. */
function listenForStop(): { readonly signal: AbortSignal; by(): NodeJS.Signals | undefined } {
  const stopping = new AbortController()
  let by: NodeJS.Signals | undefined
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(name, () => {
      by ??= name
      stopping.abort(new Error(`stopped by ${name}`))
    })
  }
  return { signal: stopping.signal, by: () => by }
}

/** Lines on stderr, each with the seconds since this call. */
export function startProgress(): (line: string) => void {
  const startedMs = performance.now()
  return (line) => say(`${((performance.now() - startedMs) / 1000).toFixed(1).padStart(7)} s  ${line}`)
}

/** Progress and complaints: stdout is for results. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
