import type { BuildLimits, BuiltObject, View } from './engine.ts'
import { EngineError } from './engine-error.ts'
import { decodeAnswer, encodeRequest } from './exchange.ts'
import { explainExit } from './explain.ts'
import { createFrameReader, maxFrameBytes } from './frames.ts'
import { spawnLimited } from './spawn-limited.ts'
import type { LimitedChild } from './spawn-limited.ts'

/** The service ends itself at a build's deadline; this much later we no longer believe that it will. */
const deadlineGraceMs = 2_000

/** An aborted build is left this long to end by itself: most do, and a warm process is worth keeping. */
const abortGraceMs = 1_000

export interface WorkerOptions {
  readonly binary: string
  readonly memoryBytes: number
}

/** One process of the service. */
export interface Worker {
  readonly pid: number
  /** One at a time. Settles at the answer, at death, or at once when the signal fires. */
  build(view: View, limits: BuildLimits): Promise<readonly BuiltObject[]>
  /** Whether it can take a build now. */
  idle(): boolean
  /** Resolves when the build that was asked for last is over, which an aborted asker did not wait for. */
  settled(): Promise<void>
  /** Resolves when the process is gone. */
  readonly gone: Promise<void>
  /** Lets it end by itself (standard input closes). */
  end(): void
  /** A build that runs fails with this error. */
  kill(error: EngineError): void
}

interface Waiting {
  readonly view: View
  readonly resolve: (objects: readonly BuiltObject[]) => void
  readonly reject: (error: EngineError) => void
}

/** What changes while a process lives. */
interface Life {
  readonly child: LimitedChild
  asked: number
  /** No more builds: it ends, was told to, or is gone. */
  ending: boolean
  waiting: Waiting | undefined
  settled: Promise<void>
}

/** Starts one process. A start that fails shows in the first build. */
export function startWorker({ binary, memoryBytes }: WorkerOptions): Worker {
  const child = spawnLimited({
    program: binary,
    args: [],
    cwd: '/',
    // One thread is enough for one build at a time; a tight collector while the schema is parsed keeps a process small.
    env: { GOMAXPROCS: '1', GOGC: '50', GOMEMLIMIT: String(Math.floor(memoryBytes * 0.8)), GOTRACEBACK: 'none' },
    memoryBytes,
  })
  const life: Life = { child, asked: 0, ending: false, waiting: undefined, settled: Promise.resolve() }
  const reader = createFrameReader()
  child.stdout.on('data', (chunk: Buffer) => {
    const frames = reader.push(chunk)
    if (frames === 'too-large') return kill(life, new EngineError('resource', `the build's objects need more than ${maxFrameBytes} bytes`))
    for (const frame of frames) receive(life, frame)
  })
  const gone = child.exited.then(explainExit, couldNotStart).then((error) => {
    life.ending = true
    fail(life, error)
  })
  return {
    pid: child.pid,
    gone,
    idle: () => !life.ending && life.waiting === undefined,
    settled: () => life.settled,
    build: (view, limits) => ask(life, view, limits),
    kill: (error) => kill(life, error),
    end() {
      life.ending = true
      child.stdin.end()
    },
  }
}

function couldNotStart(cause: unknown): EngineError {
  return new EngineError('unavailable', 'the engine could not be started', { cause })
}

function ask(life: Life, view: View, limits: BuildLimits): Promise<readonly BuiltObject[]> {
  const frame = encodeRequest(view, limits.deadlineMs)
  if (frame instanceof EngineError) return Promise.reject(frame)
  const { promise, resolve, reject } = Promise.withResolvers<readonly BuiltObject[]>()
  life.waiting = { view, resolve, reject }
  life.asked += 1
  life.child.stdin.write(frame)
  const late = setTimeout(() => {
    kill(life, new EngineError('deadline', 'the build took longer than allowed'))
  }, limits.deadlineMs + deadlineGraceMs)
  life.settled = promise.then(() => undefined, () => undefined).finally(() => clearTimeout(late))
  return limits.signal === undefined ? promise : abortable(life, promise, limits.signal)
}

function receive(life: Life, frame: Buffer): void {
  const { waiting } = life
  if (waiting === undefined) return kill(life, new EngineError('internal', 'the engine spoke unasked'))
  const answer = decodeAnswer(frame, waiting.view)
  if (answer === undefined || answer.n !== life.asked) return kill(life, new EngineError('internal', 'the engine gave no valid answer'))
  // After a panic the process ends by itself; its library is in no state to go on.
  if (answer.kind === 'panic') life.ending = true
  if (answer.error !== undefined) return fail(life, answer.error)
  life.waiting = undefined
  waiting.resolve(answer.objects)
}

function fail(life: Life, error: EngineError): void {
  const { waiting } = life
  life.waiting = undefined
  waiting?.reject(error)
}

function kill(life: Life, error: EngineError): void {
  life.ending = true
  fail(life, error)
  life.child.kill()
}

/** The asker is answered at once; the process gets a moment to finish, and is killed after that. */
function abortable<T>(life: Life, promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const over = life.settled
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const abort = (): void => {
    const error = new EngineError('aborted', 'the build was given up', { cause: signal.reason })
    reject(error)
    const impatient = setTimeout(() => kill(life, error), abortGraceMs)
    void over.finally(() => clearTimeout(impatient))
  }
  signal.addEventListener('abort', abort, { once: true })
  void over.finally(() => signal.removeEventListener('abort', abort))
  return Promise.race([promise, aborted])
}
