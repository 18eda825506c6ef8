import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, realpath, rm, stat } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { withLock } from '@weir/shared/files'
import { ControlPlaneError } from '../control-plane-error.ts'
import { isOurs, killGroup } from './process-table.ts'
import { startWatchdog } from './watchdog.ts'

/** The folder of one run and the processes that live from it. */
export interface RunFolder {
  readonly dir: string
  /** Is to be killed when we end, or by the next start if even the watchdog was killed. */
  remember(name: string, pid: number): void
  forget(pid: number): void
  /** Ends the watchdog and removes the folder if it is temporary. The processes must have ended. */
  close(): Promise<void>
}

const temporaryPrefix = 'weir-run-'
const pidsFile = 'pids'

/** A folder without that file is being made, unless it is older. */
const beingMadeMs = 60 * 60_000

/**
 * Opens `dir`, or a new temporary folder, after killing what a crashed run left behind there; temporary folders of
 * crashed runs are removed too. ControlPlaneError `in-use` while another process runs from `dir`.
 */
export async function openRunFolder(dir?: string): Promise<RunFolder> {
  if (dir === undefined) {
    await removeAbandonedFolders()
    return adopt(await mkdtemp(join(await realpath(tmpdir()), temporaryPrefix)), 'remove')
  }
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const path = await realpath(dir)
  return withLock(join(path, 'lock'), async () => {
    const left = readPids(path) ?? []
    if (isAlive(path, left)) throw new ControlPlaneError('in-use', `${path} is in use by another process: stop it first`)
    reap(path, left)
    return adopt(path, 'keep')
  })
}

async function adopt(dir: string, atEnd: 'keep' | 'remove'): Promise<RunFolder> {
  const watchdog = startWatchdog({ dir, atEnd })
  await untilRecognized(watchdog.pid, dir)
  const pids = new Map<number, string>([[watchdog.pid, 'watchdog']])
  writePids(dir, pids)
  return {
    dir,
    remember(name, pid) {
      watchdog.watch(pid)
      pids.set(pid, name)
      writePids(dir, pids)
    },
    forget(pid) {
      watchdog.forget(pid)
      if (pids.delete(pid)) writePids(dir, pids)
    },
    async close() {
      if (atEnd === 'remove') await rm(dir, { recursive: true, force: true, maxRetries: 5 })
      else await rm(join(dir, pidsFile), { force: true })
      await watchdog.close()
    },
  }
}

/** A process that was just started has no arguments yet: a file that names it now would look like one of a crashed run. */
async function untilRecognized(pid: number, dir: string): Promise<void> {
  for (let attempt = 0; attempt < 1000 && !isOurs(pid, dir); attempt++) await sleep(1)
}

/** Whole or not at all: a folder without this file is one that is just being made. */
function writePids(dir: string, pids: ReadonlyMap<number, string>): void {
  const text = [...pids].map(([pid, name]) => `${pid} ${name}\n`).join('')
  const partial = join(dir, `${pidsFile}.partial`)
  try {
    writeFileSync(partial, text, { mode: 0o600 })
    renameSync(partial, join(dir, pidsFile))
  } catch {
    // Somebody removed the folder under us. The watchdog still knows; this runs in exit listeners, which must not throw.
  }
}

interface Remembered {
  readonly pid: number
  readonly name: string
}

function readPids(dir: string): readonly Remembered[] | undefined {
  try {
    const lines = readFileSync(join(dir, pidsFile), 'utf8').split('\n')
    return lines.flatMap((line) => {
      const [pidText = '', name = ''] = line.split(' ')
      const pid = Number(pidText)
      return pid > 1 ? [{ pid, name }] : []
    })
  } catch {
    return undefined
  }
}

/** Its owner lives as long as its watchdog does. */
function isAlive(dir: string, pids: readonly Remembered[]): boolean {
  const watchdog = pids.find(({ name }) => name === 'watchdog')
  return watchdog !== undefined && isOurs(watchdog.pid, dir)
}

/** A process number may have been given away since: only what names the folder in its arguments is killed. */
function reap(dir: string, pids: readonly Remembered[]): void {
  for (const { pid } of pids) if (isOurs(pid, dir)) killGroup(pid, 'SIGKILL')
}

async function removeAbandonedFolders(): Promise<void> {
  const root = await realpath(tmpdir())
  const { uid } = userInfo()
  for (const name of await readdir(root)) {
    if (!name.startsWith(temporaryPrefix)) continue
    const dir = join(root, name)
    const found = await stat(dir).catch(() => undefined)
    const left = readPids(dir) // once: its owner may write it at any moment
    if (found?.uid !== uid || isAlive(dir, left ?? []) || (left === undefined && Date.now() - found.mtimeMs < beingMadeMs)) continue
    reap(dir, left ?? [])
    await rm(dir, { recursive: true, force: true, maxRetries: 5 }).catch(() => undefined)
  }
}
