import { readdir, readFile } from 'node:fs/promises'
import { readMemory } from '../e2e/platform.ts'

/** A controller and the engine processes that it started, over its life. */
export interface Sampler {
  /** Largest VmHWM of any child so far, MiB. Throws when none was ever seen: that is no 0. */
  childPeakMiB(): number
  children(): Promise<readonly number[]>
  stop(): void
}

const ticksPerSecond = 100
const everyMs = 1_000

/** User and system time of a process, its running descendants, and those that have ended, seconds. */
export async function cpuSecondsOfTree(pid: number): Promise<number> {
  const stats = await readStats()
  const inTree = new Set([pid])
  // A child's number may be lower than its parent's, so until nothing is added.
  for (let before = 0; before !== inTree.size; ) {
    before = inTree.size
    for (const each of stats) if (inTree.has(each.parent)) inTree.add(each.pid)
  }
  const ticks = stats.filter((each) => inTree.has(each.pid)).reduce((sum, each) => sum + each.ticks, 0)
  return ticks / ticksPerSecond
}

export async function childrenOf(pid: number): Promise<readonly number[]> {
  return (await readStats()).filter(({ parent }) => parent === pid).map((each) => each.pid)
}

/** Looks at the children of a process every second: those that come and go between two looks are not seen. */
export function sampleChildren(pid: number): Sampler {
  const state: { peakMiB?: number } = {}
  const look = async (): Promise<void> => {
    for (const child of await childrenOf(pid)) {
      const found = await readMemory(child).catch(() => undefined) // ended meanwhile
      if (found !== undefined) state.peakMiB = Math.max(state.peakMiB ?? 0, found.peakMiB)
    }
  }
  const childPeakMiB = (): number => {
    if (state.peakMiB === undefined) throw new Error(`process ${pid} was never seen with a child`)
    return state.peakMiB
  }
  const timer = setInterval(() => void look(), everyMs)
  return { childPeakMiB, children: () => childrenOf(pid), stop: () => clearInterval(timer) }
}

interface Stat {
  readonly pid: number
  readonly parent: number
  /** Own and of children that were waited for. */
  readonly ticks: number
}

async function readStats(): Promise<readonly Stat[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const stats = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')))
  return stats.flatMap((text) => (text === '' ? [] : [parseStat(text)]))
}

/** Fields of proc(5); the name in parentheses may hold anything. Exported for its test. */
export function parseStat(text: string): Stat {
  const rest = text.slice(text.lastIndexOf(') ') + 2).split(' ')
  const [utime = 0, stime = 0, cutime = 0, cstime = 0] = rest.slice(11, 15).map(Number)
  return { pid: Number.parseInt(text, 10), parent: Number(rest[1]), ticks: utime + stime + cutime + cstime }
}
