import { readdir, rm, stat, utimes, writeFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { removeTree } from '@weir/shared/files'

/** All mirrors of a process, under a byte budget: bare repositories that remember what one login fetched from one URL. */
export interface Mirrors {
  /** Runs with the directory of the mirror of `key`, one at a time; makes it if need be. */
  use<T>(key: string, run: (dir: string) => Promise<T>): Promise<T>
  has(key: string): boolean
  /** Forgets a mirror, once nobody uses it: it may be damaged. */
  drop(key: string): void
  /** Removes those that are not to be kept: at once, or when their last user is done. */
  keepOnly(isKept: (key: string) => boolean): Promise<void>
  /** Removes all that nobody uses, for a disk that is full; says whether anything went. */
  makeRoom(): Promise<boolean>
}

interface Known {
  sizeBytes: number
  usedMs: number
  users: number
  /** Emptied of what a dead process or a killed git left behind. */
  clean: boolean
  ready: boolean
  damaged: boolean
  /** To be removed once nobody uses it, unless somebody asks for it again. */
  unwanted: boolean
  /** When it could last not be removed, of performance.now(). */
  stuckMs: number | undefined
  turn: Promise<unknown>
}

export interface MirrorsOptions {
  readonly root: string
  readonly budgetBytes: number
  /** Makes an empty repository in an empty directory. */
  init(dir: string): Promise<void>
  /** Told of a mirror that cannot be removed: it stays, and is tried again after a minute at the earliest. */
  stuck(key: string, error: unknown): void
}

/** Finds the mirrors that earlier processes left in `root`. */
export async function createMirrors({ root, budgetBytes, init, stuck }: MirrorsOptions): Promise<Mirrors> {
  await mkdir(root, { recursive: true, mode: 0o700 })
  const known = new Map<string, Known>()
  for (const name of await readdir(root)) {
    const dir = join(root, name)
    const ready = await isFile(join(dir, readyFile))
    if (!ready) await removeTree(dir).catch((error: unknown) => stuck(name, error))
    else known.set(name, { ...fresh(), ready, sizeBytes: await sizeOf(dir), usedMs: await usedMs(dir) })
  }

  const shelf: Shelf = { root, known, stuck }
  const evict = (): Promise<number> => removeMany(shelf, budgetBytes)

  const work = async <T>(key: string, mirror: Known, run: (dir: string) => Promise<T>): Promise<T> => {
    const dir = join(root, key)
    // Somebody may have cleaned it away.
    if (mirror.damaged || !mirror.ready || !(await isFile(join(dir, readyFile)))) await makeEmpty(dir, mirror, init)
    if (!mirror.clean) await removeLeftovers(dir)
    mirror.clean = false
    try {
      const result = await run(dir)
      mirror.clean = true
      return result
    } catch (error) {
      // A half-written pack may be what filled the disk. What cannot go now goes before the next use.
      await removeLeftovers(dir).catch(() => undefined)
      throw error
    }
  }

  return {
    async use(key, run) {
      const mirror = known.get(key) ?? fresh()
      known.set(key, mirror)
      Object.assign(mirror, { users: mirror.users + 1, unwanted: false })
      const turn = mirror.turn.then(() => work(key, mirror, run))
      mirror.turn = turn.catch(() => undefined)
      try {
        return await turn
      } finally {
        mirror.users -= 1
        mirror.usedMs = Date.now()
        await settle(join(root, key), mirror)
        await evict()
      }
    },
    has(key) {
      const mirror = known.get(key)
      return mirror !== undefined && !mirror.damaged && !mirror.unwanted
    },
    drop(key) {
      const mirror = known.get(key)
      if (mirror !== undefined) mirror.damaged = true
    },
    async keepOnly(isKept) {
      for (const [key, mirror] of known) if (!isKept(key)) mirror.unwanted = true
      await evict()
    },
    async makeRoom() {
      return (await removeMany(shelf, 'none')) > 0
    },
  }
}

interface Shelf {
  readonly root: string
  readonly known: Map<string, Known>
  readonly stuck: MirrorsOptions['stuck']
}

/**
 * What is damaged or unwanted, and what was used longest ago as long as there are too many bytes; nothing that is in use. How
 * many went; never rejects: whoever is done with one mirror does not fail for another.
 */
async function removeMany({ root, known, stuck }: Shelf, keptBytes: number | 'none'): Promise<number> {
  const idle = [...known].filter(([, mirror]) => mirror.users === 0).sort(([, a], [, b]) => a.usedMs - b.usedMs)
  const total = { bytes: [...known.values()].reduce((sum, mirror) => sum + mirror.sizeBytes, 0), removed: 0 }
  for (const [key, mirror] of idle) {
    const isDue = keptBytes === 'none' || total.bytes > keptBytes || mirror.damaged || mirror.unwanted
    if (!isDue || mirror.users > 0 || isStuck(mirror)) continue
    total.bytes -= mirror.sizeBytes
    try {
      await remove(join(root, key), mirror)
      total.removed += 1
      if (mirror.users === 0 && mirror.damaged) known.delete(key)
    } catch (error) {
      mirror.stuckMs = performance.now()
      stuck(key, error)
    }
  }
  return total.removed
}

/** As a user of it: who comes meanwhile waits for its turn, and starts from an empty one. */
async function remove(dir: string, mirror: Known): Promise<void> {
  Object.assign(mirror, { damaged: true, users: mirror.users + 1 })
  const turn = mirror.turn.then(() => removeTree(dir))
  mirror.turn = turn.catch(() => undefined)
  await turn.finally(() => (mirror.users -= 1))
}

const stuckForMs = 60_000

function isStuck({ stuckMs }: Known): boolean {
  return stuckMs !== undefined && performance.now() - stuckMs < stuckForMs
}

function fresh(): Known {
  return { sizeBytes: 0, usedMs: Date.now(), users: 0, clean: false, ready: false, damaged: false, unwanted: false, stuckMs: undefined, turn: Promise.resolve() }
}

/** Written once the mirror is initialised; without it a directory is what a killed process left behind. */
const readyFile = 'weir-ready'

async function makeEmpty(dir: string, mirror: Known, init: (dir: string) => Promise<void>): Promise<void> {
  mirror.ready = false
  await removeTree(dir)
  await mkdir(dir, { recursive: true, mode: 0o700 })
  await init(dir)
  await writeFile(join(dir, readyFile), '')
  Object.assign(mirror, { ready: true, damaged: false, clean: true })
}

/** Lock files and half-written packs. We are the only writer, so whoever made them is dead. */
async function removeLeftovers(dir: string): Promise<void> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true })
  for (const entry of entries) {
    const isLeftover = entry.name.endsWith('.lock') || /^(?:tmp_|\.tmp-)/.test(entry.name)
    if (isLeftover) await rm(join(entry.parentPath, entry.name), { recursive: true, force: true })
  }
}

async function settle(dir: string, mirror: Known): Promise<void> {
  mirror.sizeBytes = await sizeOf(dir)
  const now = new Date()
  await utimes(join(dir, readyFile), now, now).catch(() => undefined)
}

async function sizeOf(dir: string): Promise<number> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true }).catch(() => [])
  let sizeBytes = 0
  for (const entry of entries) {
    if (!entry.isFile()) continue
    const found = await stat(join(entry.parentPath, entry.name)).catch(() => undefined)
    sizeBytes += found?.size ?? 0
  }
  return sizeBytes
}

async function usedMs(dir: string): Promise<number> {
  return (await stat(join(dir, readyFile)).catch(() => undefined))?.mtimeMs ?? 0
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false
}
