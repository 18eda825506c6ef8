import { findConnection, takeConnectionFlags } from './connection/find-connection.ts'
import { exitCodes, type ExitCode } from './exit-codes.ts'
import { describeRun, runControllers, type ControllerName } from './run.ts'
import type { World } from './world.ts'

export interface RunCommand {
  /** As it was typed: `all`. */
  readonly command: string
  readonly controllers: readonly ControllerName[]
  readonly argv: readonly string[]
}

/** `weir all`, `weir source-controller`, `weir kustomize-controller`: runs until it is told to stop. */
export async function runCommand({ command, controllers, argv }: RunCommand, { env, terminal, stop }: World): Promise<ExitCode> {
  const { flags, rest } = takeConnectionFlags(argv)
  if (rest.includes('--help') || rest.includes('-h')) {
    terminal.print(usageOf(command, controllers))
    return exitCodes.ok
  }
  return runControllers({
    controllers,
    argv: rest,
    env,
    stop,
    connection: () => findConnection(flags, env),
    say: (message) => terminal.tell(`weir ${command}: ${message}`),
  })
}

function usageOf(command: string, controllers: readonly ControllerName[]): string {
  const several = controllers.length > 1
  const what = several ? `Runs ${controllers.join(' and ')} in one process.` : `Runs ${command} alone; it works with Flux's other controllers as with Weir's.`
  const prefixes = several
    ? `
A flag goes to every controller that has it. With a prefix it goes to one:
  weir all --concurrent=4 --source.concurrent=2
`
    : ''
  return `Usage: weir ${command} [flags]

${what}
The cluster is that of --kubeconfig, else KUBECONFIG, else the one this pod runs in, else ~/.kube/config.
${prefixes}
Examples:
  weir ${command} --kubeconfig ~/.kube/config --context staging --log-encoding console
  weir ${command} --enable-leader-election --nats-url nats://nats:4222

Flags:
  --kubeconfig string
        File that says which cluster.
  --context string
        Context of that file, in place of the current one.
${describeRun(controllers)}`
}
