import { createTerminal } from './terminal.ts'
import { runWeir } from './weir.ts'

/** How long handles that nobody closed may keep the process after its work is done. */
const lingerMs = 2000

/** What `weir` runs: nothing but the process is known here. */
async function main(program: NodeJS.Process): Promise<void> {
  const stopping = new AbortController()
  const onSignal = (name: NodeJS.Signals): void => {
    if (stopping.signal.aborted) program.exit(name === 'SIGINT' ? 130 : 143) // asked twice: at once
    stopping.abort(new Error(`stopped by ${name}`))
  }
  program.on('SIGINT', onSignal)
  program.on('SIGTERM', onSignal)
  program.on('SIGHUP', onSignal)
  // `weir get | head`: the reader has what it wanted.
  program.stdout.on('error', (error: NodeJS.ErrnoException) => program.exit(error.code === 'EPIPE' ? 0 : 1))
  const terminal = createTerminal(program, program.env)
  program.exitCode = await runWeir(program.argv.slice(2), { env: program.env, terminal, stop: stopping.signal, now: Date.now })
  setTimeout(() => program.exit(), lingerMs).unref()
}

void main(process)
