import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import path from 'node:path'
import type { Telemetry } from '@weir/shared/telemetry'
import type { BuildLimits, BuiltObject, Engine, View } from './engine.ts'
import { EngineError } from './engine-error.ts'
import { explain, explainExit, explainPanic } from './explain.ts'
import { maxFrameBytes } from './frames.ts'
import { createGate } from './gate.ts'
import { wrapForSchema } from './schema-wrapper.ts'
import { spawnLimited } from './spawn-limited.ts'
import type { ChildExit, LimitedChild } from './spawn-limited.ts'

export interface KubectlEngineOptions {
  /** Path of kubectl; see {@link kubectlBinary}. */
  readonly kubectl: string
  /** Directory for one private directory a build; made if absent. */
  readonly temp: string
  /** Whether `temp` lies in memory (tmpfs); without it a view that holds secrets is refused. */
  readonly memoryBacked?: boolean
  /** One YAML document, as Go prints it, to compact JSON that keeps numbers as written. */
  readonly toJson: (yaml: string) => string
  readonly telemetry: Telemetry
  /** Builds at a time. Default: one a core. */
  readonly processes?: number
  /** Data memory of one build. Default 512 MiB. */
  readonly memoryBytes?: number
}

const engineVersion = 'kubectl-kustomize/v5.8.1'

/** The same contract as the service, one `kubectl kustomize` a build: for machines without the service's binary. */
export function createKubectlEngine(options: KubectlEngineOptions): Engine {
  const gate = createGate(Math.max(1, options.processes ?? availableParallelism()))
  const running = new Set<LimitedChild>()
  const closing = new AbortController()
  let started = 0

  const buildIn = async (directory: string, view: View, limits: BuildLimits): Promise<readonly BuiltObject[]> => {
    const root = path.join(directory, 'view')
    await writeView(root, view)
    const target = view.ownProcess ? await wrapForSchema(directory, view) : path.join(root, view.path)
    started += 1
    const child = startKubectl(options, { directory, target, deadlineMs: limits.deadlineMs })
    options.telemetry.log.debug('engine process started', { pid: child.pid })
    running.add(child)
    try {
      const out = await outputOf(child, limits)
      if (typeof out !== 'string') throw explainFailure(out, { root, view })
      return splitDocuments(out).map((yaml) => ({ yaml, json: options.toJson(yaml) }))
    } finally {
      running.delete(child)
    }
  }

  return {
    version: engineVersion,
    builds: () => started,
    pids: () => [...running].map((child) => child.pid),
    async build(view, limits) {
      if (view.secret === true && options.memoryBacked !== true) {
        throw new EngineError('security', 'decrypted files are not written to a disk: this engine needs a directory in memory')
      }
      const signal = limits.signal === undefined ? closing.signal : AbortSignal.any([limits.signal, closing.signal])
      return gate.run(signal, async () => {
        await mkdir(options.temp, { recursive: true, mode: 0o700 })
        const directory = await mkdtemp(path.join(options.temp, 'build-'))
        try {
          return await buildIn(directory, view, { ...limits, signal })
        } finally {
          await rm(directory, { recursive: true, force: true })
        }
      })
    },
    async close() {
      closing.abort()
      await gate.drained()
    },
  }
}

async function writeView(root: string, view: View): Promise<void> {
  await mkdir(path.join(root, view.path), { recursive: true, mode: 0o700 })
  const directories = new Set([...view.files.keys()].map((name) => path.dirname(path.join(root, name))))
  for (const directory of directories) await mkdir(directory, { recursive: true, mode: 0o700 })
  for (const [name, content] of view.files) await writeFile(path.join(root, name), content, { mode: 0o600, flag: 'wx' })
}

interface Run {
  readonly directory: string
  readonly target: string
  readonly deadlineMs: number
}

/**
 * No PATH: kubectl would list it, and git and helm would be found. KUBERC off: a file in HOME could change the flags.
 * `--reorder none` keeps the order of the files unless the user asked for another.
 */
function startKubectl({ kubectl, memoryBytes = 512 * 1024 * 1024 }: KubectlEngineOptions, { directory, target, deadlineMs }: Run): LimitedChild {
  const child = spawnLimited({
    program: kubectl,
    args: ['kustomize', '--load-restrictor', 'LoadRestrictionsNone', '--reorder', 'none', target],
    cwd: directory,
    env: {
      PATH: '/nonexistent',
      HOME: '/nonexistent',
      KUBERC: 'off',
      TMPDIR: directory,
      HTTP_PROXY: 'http://127.0.0.1:1',
      HTTPS_PROXY: 'http://127.0.0.1:1',
      GOMAXPROCS: '2',
      GOMEMLIMIT: String(Math.floor(memoryBytes * 0.8)),
      GOTRACEBACK: 'none',
    },
    memoryBytes,
    // Nobody is left to kill it when we are killed: the CPU limit then does.
    cpuSeconds: Math.ceil(deadlineMs / 1000) * 2 + 1,
  })
  child.stdin.end()
  return child
}

async function outputOf(child: LimitedChild, { deadlineMs, signal }: BuildLimits): Promise<string | ChildExit> {
  const chunks: Buffer[] = []
  let size = 0
  let stopped: EngineError | undefined
  const stop = (error: EngineError): void => {
    stopped ??= error
    child.kill()
  }
  child.stdout.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size > maxFrameBytes) return stop(new EngineError('resource', `the build's objects need more than ${maxFrameBytes} bytes`))
    chunks.push(chunk)
  })
  const abort = (): void => stop(new EngineError('aborted', 'the build was given up', { cause: signal?.reason }))
  signal?.addEventListener('abort', abort, { once: true })
  if (signal?.aborted === true) abort()
  const late = setTimeout(() => stop(new EngineError('deadline', 'the build took longer than allowed')), deadlineMs)
  try {
    const exit = await child.exited
    if (stopped !== undefined) throw stopped
    return exit.code === 0 ? Buffer.concat(chunks).toString('utf8') : exit
  } finally {
    clearTimeout(late)
    signal?.removeEventListener('abort', abort)
  }
}

function explainFailure(exit: ChildExit, { root, view }: { readonly root: string; readonly view: View }): EngineError {
  const complaint = /^error: ([\s\S]*)/m.exec(exit.stderr)?.[1]
  if (exit.code === 1 && complaint !== undefined) return explain({ text: complaint, root, view })
  const panic = exit.code === 2 ? /^panic: (.*)/m.exec(exit.stderr)?.[1] : undefined
  return panic === undefined ? explainExit(exit) : explainPanic(panic, view)
}

/** Documents are separated by a line of dashes; inside one, every such line is indented. */
function splitDocuments(text: string): string[] {
  return text.split(/^---\n/m).filter((document) => document.trim() !== '')
}
