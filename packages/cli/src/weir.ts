import { CliError, exitCodes, type ExitCode } from './exit-codes.ts'
import type { ControllerName } from './run.ts'
import type { World } from './world.ts'

/** The words of the command line that start controllers. They are looked at first: nothing that they do not need is loaded. */
const runs: ReadonlyMap<string, readonly ControllerName[]> = new Map([
  ['all', ['source-controller', 'kustomize-controller']],
  ['source-controller', ['source-controller']],
  ['kustomize-controller', ['kustomize-controller']],
])

/** Runs the command. Never rejects: what goes wrong is told in one sentence. */
export async function runWeir(argv: readonly string[], world: World): Promise<ExitCode> {
  try {
    const [first = '', second = ''] = argv
    const [command = '', ...rest] = first === 'help' && runs.has(second) ? [second, '--help'] : argv
    const controllers = runs.get(command)
    if (controllers !== undefined) {
      const { runCommand } = await import('./run-command.ts')
      return await runCommand({ command, controllers, argv: rest }, world)
    }
    const { runProgram } = await import('./program.ts')
    return await runProgram(argv, world)
  } catch (error) {
    return tellError(error, world)
  }
}

async function tellError(error: unknown, { terminal, stop, env }: World): Promise<ExitCode> {
  if (error instanceof CliError) {
    terminal.tell(`weir: ${error.message}`)
    return error.exitCode
  }
  const { explainError, isAbort } = await import('./explain-error.ts')
  if (isAbort(error, stop)) return exitCodes.failed
  const { message, exitCode } = explainError(error, { verbose: (env['WEIR_DEBUG'] ?? '') !== '' })
  terminal.tell(`weir: ${message}`)
  return exitCode
}
