import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { exitCodeHelp, exitCodes, type ExitCode } from './exit-codes.ts'
import type { Output } from './get/get.ts'
import { version } from './version.ts'
import type { World } from './world.ts'

const examples = `
Examples:
  weir up                                          a cluster of its own on this machine, with Weir in it
  weir up --kubeconfig ~/.kube/config --context dev  Weir on this machine, looking after that cluster
  weir get                                         every object: ready, revision, message
  weir get ks -n apps --watch                      Kustomizations of one namespace, as they change
  weir why kustomization/apps                      why it is not ready, down to the container, and what to do
  weir all --kubeconfig ~/.kube/config             the controllers in one process; --help lists their flags
`

const connectionHelp = `
The cluster is that of --kubeconfig, else of KUBECONFIG, else the one this pod runs in, else of ~/.kube/config.`

interface Outcome {
  code: ExitCode
}

/** Everything that is no controller: reads the command line and runs one command. */
export async function runProgram(argv: readonly string[], world: World): Promise<ExitCode> {
  const outcome: Outcome = { code: exitCodes.ok }
  const program = createProgram(world, outcome)
  try {
    if (argv.length === 0) {
      program.outputHelp()
      return exitCodes.usage
    }
    await program.parseAsync([...wordsFor(program, argv)], { from: 'user' })
    return outcome.code
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
  }
}

/** An unknown command is one also where its help is asked for: commander would answer with the help of all. */
function wordsFor(program: Command, argv: readonly string[]): readonly string[] {
  const [first, second] = argv.filter((word) => !word.startsWith('-'))
  const named = first === 'help' ? second : first
  const isKnown = named === undefined || named === 'help' || program.commands.some((command) => command.name() === named)
  return isKnown ? argv : [named]
}

function createProgram(world: World, outcome: Outcome): Command {
  const { terminal } = world
  const program = new Command('weir')
    .description('Keeps Kubernetes clusters equal to what Git declares. Speaks the APIs of Flux.')
    .version(version, '-V, --version', 'the version alone')
    .exitOverride()
    .configureOutput({ writeOut: (text) => terminal.print(text.trimEnd()), writeErr: (text) => terminal.tell(text.trimEnd()) })
    .helpCommand('help [command]', 'what a command does')
    .showSuggestionAfterError()
    .addHelpText('after', `${examples}\n${exitCodeHelp}`)
  addUp(program, world, outcome)
  addGet(program, world, outcome)
  addWhy(program, world, outcome)
  addVersion(program, world, outcome)
  addControllers(program)
  return program
}

function addConnection(command: Command): Command {
  return command.option('--kubeconfig <file>', 'file that says which cluster').option('--context <name>', 'context of that file, in place of the current one')
}

interface GetFlags {
  readonly kubeconfig?: string
  readonly context?: string
  readonly namespace?: string
  readonly allNamespaces?: boolean
  readonly output: Output
  readonly watch?: boolean
  readonly outputWatchEvents?: boolean
}

function addGet(program: Command, world: World, outcome: Outcome): void {
  const help = `${connectionHelp}
Without -n all namespaces are looked at. A kind that the cluster does not have has no objects.

Examples:
  weir get                             everything
  weir get kustomization/apps -o yaml  one object as it is
  weir get gitrepo -o wide             with sources, whole revisions and whole messages
  weir get --watch                     a line whenever something changes, until Ctrl-C

With --watch -o json|yaml an object that is deleted is shown once more, as it was last, like kubectl does: --output-watch-events tells it apart.`
  addConnection(program.command('get'))
    .summary('every object: ready, revision, age, message')
    .description('Lists the objects that Weir looks after and how they stand.')
    .argument('[kind]', 'KIND or KIND/NAME: gitrepository, kustomization, ocirepository, bucket, externalartifact', readWord)
    .argument('[name]', 'NAME', readWord)
    .option('-n, --namespace <name>', 'this namespace alone')
    .addOption(new Option('-A, --all-namespaces', 'all namespaces (the default)').conflicts('namespace'))
    .addOption(new Option('-o, --output <format>', 'how it is shown').choices(['table', 'wide', 'json', 'yaml']).default('table'))
    .option('-w, --watch', 'go on and show what changes')
    .option('--output-watch-events', 'with --watch -o json|yaml: each as {type, object}; type is ADDED, MODIFIED or DELETED')
    .addHelpText('after', help)
    .action(async (kind: string | undefined, name: string | undefined, flags: GetFlags) => {
      const { getObjects } = await import('./get/get.ts')
      outcome.code = await getObjects({ ...flags, words: wordsOf(kind, name), watch: flags.watch === true }, world)
    })
}

interface WhyFlags {
  readonly kubeconfig?: string
  readonly context?: string
  readonly namespace?: string
  readonly output: 'text' | 'json'
}

function addWhy(program: Command, world: World, outcome: Outcome): void {
  const help = `${connectionHelp}
Follows what the object waits for: its source, the objects it depends on, the objects it applied, their Pods and containers, with their
events. Reads only; the content of Secrets is never read.

Examples:
  weir why kustomization/apps
  weir why ks apps -n production
  weir why gitrepository/fleet -o json`
  addConnection(program.command('why'))
    .summary('why an object is not ready, and what to do')
    .description('Explains why an object is not ready, down to what fails, and what a person should do next. Exits 0 if it is ready, 1 if not.')
    .argument('<kind>', 'KIND/NAME, or KIND; workloads (deployment/web) can be named too', readWord)
    .argument('[name]', 'NAME', readWord)
    .option('-n, --namespace <name>', 'its namespace; without: of the context, then wherever there is one of that name')
    .addOption(new Option('-o, --output <format>', 'how it is shown').choices(['text', 'json']).default('text'))
    .addHelpText('after', help)
    .action(async (kind: string, name: string | undefined, flags: WhyFlags) => {
      const { explainObject } = await import('./why/why.ts')
      outcome.code = await explainObject({ ...flags, words: wordsOf(kind, name) }, world)
    })
}

interface UpFlags {
  readonly kubeconfig?: string
  readonly context?: string
  readonly beside?: boolean
  readonly namespace?: string
  readonly dir?: string
}

function addUp(program: Command, world: World, outcome: Outcome): void {
  const help = `
Without --kubeconfig (in a checkout of Weir): a control plane and a nats-server of its own, built once with Go. Pods run on a simulated node. All of
it is gone after Ctrl-C, unless --dir names a folder to keep it in.
With --kubeconfig: the controllers run here and look after that cluster. Definitions that are missing are created, none is replaced, and the leases
are taken. Refused (exit 4) where Flux's or Weir's controllers run already. KUBECONFIG is not read: a cluster must be named.

Examples:
  weir up
  weir up --kubeconfig ~/.kube/config --context dev
  weir up -- --log-level debug --concurrent 8     flags of the controllers after --`
  addConnection(program.command('up'))
    .summary('a cluster of its own with Weir in it, or Weir beside a given cluster')
    .description('Starts Weir on this machine and shows what it does, until Ctrl-C.')
    .option('--beside', 'run although other controllers look after the cluster; the leases still decide who works')
    .option('-n, --namespace <name>', 'with --kubeconfig: where the leases are; default flux-system where it exists, else weir-system')
    .option('--dir <folder>', 'without --kubeconfig: keep the cluster in this folder, to be started again')
    .argument('[flags...]', 'flags of the controllers, after --')
    .addHelpText('after', help)
    .action(async (controllerFlags: readonly string[], flags: UpFlags) => {
      const { runUp } = await import('./up/up.ts')
      outcome.code = await runUp({ ...flags, beside: flags.beside === true, controllerFlags }, world)
    })
}

function addVersion(program: Command, world: World, outcome: Outcome): void {
  program
    .command('version')
    .description('Program, engines and APIs.')
    .addOption(new Option('-o, --output <format>', 'how it is shown').choices(['text', 'json']).default('text'))
    .action(async ({ output }: { readonly output: 'text' | 'json' }) => {
      const { showVersion } = await import('./show-version.ts')
      outcome.code = await showVersion(output, world)
    })
}

/** Named here for the list alone: `weir.ts` starts them, and answers their help, before this file is loaded. */
function addControllers(program: Command): void {
  program.command('all').summary('run all controllers in one process; its --help lists the flags')
  program.command('source-controller').summary('run source-controller')
  program.command('kustomize-controller').summary('run kustomize-controller')
}

/** Empty words are mistakes of scripts (an unset variable). */
function readWord(word: string): string {
  if (word === '') throw new InvalidArgumentError('It is empty.')
  return word
}

function wordsOf(...words: readonly (string | undefined)[]): readonly string[] {
  return words.filter((word) => word !== undefined)
}
