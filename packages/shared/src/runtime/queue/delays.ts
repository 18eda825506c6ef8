import type { Clock, Timer } from '../clock.ts'
import { textOf, type Key, type WakeClass } from '../wake.ts'

/** Wakes in the future: at most one per key and class, all on one timer. */
export interface Delays {
  /** Of two wakes of one key and class the earlier counts. */
  add(key: Key, wakeClass: WakeClass, afterMs: number): void
  /** Replaces what was planned for this key and class. */
  replace(key: Key, wakeClass: WakeClass, afterMs: number): void
  cancel(key: Key, wakeClass: WakeClass): void
  size(): number
  close(): void
}

interface Delay {
  readonly id: string
  readonly key: Key
  readonly wakeClass: WakeClass
  readonly dueMs: number
}

/** Calls `fire` when a wake is due. A binary heap; what was replaced stays in it until its time and is then passed over. */
export function createDelays(clock: Clock, fire: (key: Key, wakeClass: WakeClass) => void): Delays {
  const planned = new Map<string, Delay>()
  let heap: Delay[] = []
  let timer: { readonly timer: Timer; readonly dueMs: number } | undefined

  function plan(key: Key, wakeClass: WakeClass, afterMs: number): void {
    const id = idOf(key, wakeClass)
    const delay = { id, key, wakeClass, dueMs: clock.monotonicMs() + afterMs }
    planned.set(id, delay)
    push(heap, delay)
    if (heap.length > 64 && heap.length > planned.size * 2) heap = rebuilt(planned.values())
    arm()
  }

  function arm(): void {
    const first = heap[0]
    if (first === undefined || timer?.dueMs === first.dueMs) return
    timer?.timer.cancel()
    timer = { timer: clock.timer(first.dueMs - clock.monotonicMs(), ring), dueMs: first.dueMs }
  }

  function ring(): void {
    timer = undefined
    const nowMs = clock.monotonicMs()
    for (let first = heap[0]; first !== undefined && first.dueMs <= nowMs; first = heap[0]) {
      pop(heap)
      if (planned.get(first.id) !== first) continue
      planned.delete(first.id)
      fire(first.key, first.wakeClass)
    }
    arm()
  }

  return {
    add(key, wakeClass, afterMs) {
      const before = planned.get(idOf(key, wakeClass))
      if (before === undefined || before.dueMs > clock.monotonicMs() + afterMs) plan(key, wakeClass, afterMs)
    },
    replace: plan,
    cancel: (key, wakeClass) => void planned.delete(idOf(key, wakeClass)),
    size: () => planned.size,
    close() {
      timer?.timer.cancel()
      timer = undefined
      planned.clear()
      heap = []
    },
  }
}

function idOf(key: Key, wakeClass: WakeClass): string {
  return `${wakeClass} ${textOf(key)}`
}

function push(heap: Delay[], delay: Delay): void {
  let at = heap.push(delay) - 1
  while (at > 0) {
    const parent = (at - 1) >> 1
    if (!swapIfEarlier(heap, at, parent)) return
    at = parent
  }
}

function pop(heap: Delay[]): void {
  const last = heap.pop()
  if (last === undefined || heap.length === 0) return
  heap[0] = last
  let at = 0
  for (;;) {
    const left = 2 * at + 1
    const child = dueAt(heap, left + 1) < dueAt(heap, left) ? left + 1 : left
    if (!swapIfEarlier(heap, child, at)) return
    at = child
  }
}

/** Moves the entry at `child` up to `parent` if it is due earlier. */
function swapIfEarlier(heap: Delay[], child: number, parent: number): boolean {
  const lower = heap[child]
  const upper = heap[parent]
  if (lower === undefined || upper === undefined || lower.dueMs >= upper.dueMs) return false
  heap[parent] = lower
  heap[child] = upper
  return true
}

function dueAt(heap: readonly Delay[], at: number): number {
  return heap[at]?.dueMs ?? Infinity
}

function rebuilt(delays: Iterable<Delay>): Delay[] {
  return [...delays].sort((a, b) => a.dueMs - b.dueMs)
}
