import { open, readFile, rm, stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { errnoOf, FilesError, filesError } from './files-error.ts'

export interface LockOptions {
  readonly signal?: AbortSignal
  /** Give up after; default 10 s. */
  readonly waitMs?: number
}

/**
 * Runs while holding `path` as a lock file. The file names its process: a lock whose process is dead, or whose file is
 * unreadable for a minute, is taken over. FilesError `denied` when the lock could not be had in time, `aborted`.
 */
export async function withLock<T>(path: string, run: () => Promise<T>, options: LockOptions = {}): Promise<T> {
  await acquire(path, options)
  try {
    return await run()
  } finally {
    await rm(path, { force: true })
  }
}

async function acquire(path: string, { signal, waitMs = 10_000 }: LockOptions): Promise<void> {
  const endMs = performance.now() + waitMs
  while (!(await tryAcquire(path))) {
    if (signal?.aborted) throw new FilesError('aborted', 'wait for a lock: aborted')
    if (await isStale(path)) {
      await rm(path, { force: true })
      continue
    }
    if (performance.now() >= endMs) throw new FilesError('denied', 'lock is held by another process')
    await sleep(20, undefined, signal ? { signal } : {}).catch(() => undefined)
  }
}

async function tryAcquire(path: string): Promise<boolean> {
  try {
    const handle = await open(path, 'wx', 0o600)
    await handle.writeFile(String(process.pid))
    await handle.close()
    return true
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false
    throw filesError(error, 'take a lock')
  }
}

const unreadableForMs = 60_000

async function isStale(path: string): Promise<boolean> {
  const text = await readFile(path, 'utf8').catch(() => undefined)
  if (text === undefined) return false // gone in the meantime: the next try decides
  const pid = Number.parseInt(text, 10)
  if (Number.isInteger(pid) && pid > 0) return !isAlive(pid)
  const found = await stat(path).catch(() => undefined)
  return found !== undefined && Date.now() - found.mtimeMs > unreadableForMs
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return errnoOf(error) === 'EPERM'
  }
}
