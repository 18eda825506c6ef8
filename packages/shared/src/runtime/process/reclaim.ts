import { performance } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Clock, Timer } from '../clock.ts'

/** What an idle process looks at, and what it may do; a process of its own has `processMemory`. */
export interface Memory {
  /** Share of the time since the last call in which the event loop worked, 0 to 1. */
  busyShare(): number
  residentBytes(): number
  /** Collects all garbage and gives free pages back to the system. */
  collect(): void
}

/** How often it looks. */
const everyMs = 5_000
/** Less than this is idle. */
const idleShare = 0.05
/** A collection stops the process for some tens of milliseconds: it has to be worth it. */
const worthBytes = 8 * 1024 * 1024

/**
 * Gives memory back after a burst of work. On a machine with much memory V8 lets garbage lie, and a controller that has long been
 * idle would keep what its busiest minute needed. A timer, because nothing tells that a process has become idle. Returns the way to
 * stop it.
 */
export function reclaimWhenIdle(clock: Pick<Clock, 'timer'>, memory: Memory): () => void {
  let timer: Timer | undefined
  let keptBytes = 0
  const look = (): void => {
    const isIdle = memory.busyShare() < idleShare
    if (isIdle && memory.residentBytes() - keptBytes > worthBytes) {
      memory.collect()
      keptBytes = memory.residentBytes()
    }
    timer = clock.timer(everyMs, look)
  }
  timer = clock.timer(everyMs, look)
  return () => timer?.cancel()
}

/** The memory of this process. */
export function processMemory(): Memory {
  let last = performance.eventLoopUtilization()
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as (options: { readonly type: 'major'; readonly flavor: 'last-resort' }) => void
  return {
    busyShare() {
      const now = performance.eventLoopUtilization()
      const share = performance.eventLoopUtilization(now, last).utilization
      last = now
      return share
    },
    residentBytes: () => process.memoryUsage.rss(),
    collect: () => collect({ type: 'major', flavor: 'last-resort' }),
  }
}
