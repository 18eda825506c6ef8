import type { EventType } from '../bus.ts'

/** An event on its way: encoded once, so that every attempt sends the same bytes and id. */
export interface Letter {
  /** Counts up: the order of arrival. */
  readonly serial: number
  readonly id: string
  readonly type: EventType
  readonly subject: string
  readonly payload: string
  readonly traceparent: string | undefined
  readonly attempts: number
}

/** Letters that wait for a server: bounded, first in first out, the oldest goes when there is no room. */
export interface Outbox {
  add(letter: Letter): void
  /** Puts a letter whose sending failed back where it was. */
  putBack(letter: Letter): void
  take(): Letter | undefined
  clear(): void
  size(): number
}

export function createOutbox(limit: number, onDrop: (count: number) => void): Outbox {
  const letters: Letter[] = []
  const trim = (): void => {
    const surplus = letters.length - limit
    if (surplus <= 0) return
    letters.splice(0, surplus)
    onDrop(surplus)
  }
  return {
    add(letter) {
      letters.push(letter)
      trim()
    },
    putBack(letter) {
      const later = letters.findIndex((other) => other.serial > letter.serial)
      letters.splice(later < 0 ? letters.length : later, 0, letter)
      trim()
    },
    take: () => letters.shift(),
    clear() {
      if (letters.length > 0) onDrop(letters.splice(0).length)
    },
    size: () => letters.length,
  }
}
