import { spawn } from 'node:child_process'

/** What a call in a process came to: its value, or the name of the error's class. */
export type Outcome = { readonly value: unknown } | { readonly threw: string }

/** Of CPU, so a slow machine is no slow code; enforced by the kernel, so it ends what nobody waits for any more, too. */
const maxCpuSeconds = 10

/** What takes more ends its process alone. */
const maxHeapMiB = 512

/**
 * Calls an exported function in a process of its own. Code that never ends or fills the memory ends that process, and the
 * call rejects: no assertion has to look at a clock. Arguments and values are copied.
 *
 * @param module URL of the module, as of `new URL('./redact.ts', import.meta.url)`.
 */
export async function callInProcess(module: URL, name: string, ...args: readonly unknown[]): Promise<Outcome> {
  const node = [process.execPath, `--max-old-space-size=${maxHeapMiB}`, '--disable-warning=ExperimentalWarning', '-e', script]
  const child = spawn('sh', ['-c', `ulimit -t ${maxCpuSeconds}; exec "$0" "$@"`, ...node], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], serialization: 'advanced' })
  const complaints: string[] = []
  child.stderr?.setEncoding('utf8').on('data', (text: string) => complaints.push(text))
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>()
  child.once('message', (outcome) => resolve(outcome as Outcome)).once('error', reject)
  child.once('close', (code, signal) => reject(new Error(`the process ended with ${code ?? signal} and no answer: ${complaints.join('')}`)))
  child.send({ module: module.href, name, args }, (error) => error && reject(error))
  try {
    return await promise
  } finally {
    child.kill('SIGKILL')
  }
}

const script = `
process.once('message', async ({ module, name, args }) => {
  const exported = await import(module)
  if (typeof exported[name] !== 'function') throw new TypeError(name + ' is no function of ' + module)
  process.send(outcomeOf(() => exported[name](...args)))
})
function outcomeOf(run) {
  try {
    return { value: run() }
  } catch (error) {
    return { threw: error instanceof Error ? error.constructor.name : String(error) }
  }
}
`
