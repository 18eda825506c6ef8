import { randomUUID } from 'node:crypto'
import { link, open, readFile, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { errnoOf, FilesError, filesError } from './files-error.ts'

export interface LockOptions {
  readonly signal?: AbortSignal
  /** Give up after; default 10 s. */
  readonly waitMs?: number
}

/**
 * Runs while holding `path` as a lock file. The file names its process: a lock whose process is dead, or that says
 * nothing for a minute, is taken over. FilesError `denied` when the lock could not be had in time, `aborted`.
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
    const stale = await readStale(path)
    if (stale !== undefined && (await takeAway(path, stale))) continue
    if (performance.now() >= endMs) throw new FilesError('denied', 'lock is held by another process')
    await sleep(20, undefined, signal ? { signal } : {}).catch(() => undefined)
  }
}

async function tryAcquire(path: string): Promise<boolean> {
  const handle = await createLock(path)
  if (handle === undefined) return false
  try {
    await sign(handle)
    return true
  } catch (error) {
    // One that names nobody would hold everybody up for a minute.
    await rm(path, { force: true }).catch(() => undefined)
    throw filesError(error, 'take a lock')
  }
}

/** undefined when it is there already. */
async function createLock(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'wx', 0o600)
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return undefined
    throw filesError(error, 'take a lock')
  }
}

async function sign(handle: FileHandle): Promise<void> {
  try {
    await handle.writeFile(`${process.pid} ${processToken}`)
  } finally {
    await handle.close()
  }
}

/** In a container the next process has the same pid: the token tells a lock of ours from one that we left behind. */
const processToken = randomUUID()

const silentForMs = 60_000

/** The content of a lock that nobody holds any more. */
async function readStale(path: string): Promise<string | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined // gone in the meantime: the next try decides
  const [pidText = '', token] = text.split(' ')
  const pid = Number.parseInt(pidText, 10)
  if (!(pid > 0)) return (await isSilent(path)) ? text : undefined
  if (pid === process.pid) return token === processToken ? undefined : text
  return isAlive(pid) ? undefined : text
}

/** Died between creating the file and writing into it. */
async function isSilent(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  return found !== undefined && Date.now() - found.mtimeMs > silentForMs
}

/** Moves the stale lock aside; if another process was faster and this is its fresh lock, it gets it back. */
async function takeAway(path: string, stale: string): Promise<boolean> {
  const aside = `${path}.${randomUUID()}`
  try {
    await rename(path, aside)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return true
    throw filesError(error, 'take over a lock')
  }
  const moved = await readFile(aside, 'utf8').catch(() => '')
  if (moved !== stale) await link(aside, path).catch(() => undefined)
  await rm(aside, { force: true })
  return moved === stale
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return errnoOf(error) === 'EPERM'
  }
}
