/** Where a subscription stands in a stream. A stream's creation time tells it from one of the same name made later. */
export interface Position {
  readonly created: string
  /** The sequence to read next. */
  readonly next: number
}

export interface StreamEnd {
  readonly created: string
  readonly lastSequence: number
}

/** Events that are older than this many others are not worth reading after an interruption: watches know better. */
const longestReplay = 10_000

/**
 * Where to read on. A first connection reads what is published from now on. After an interruption nothing is skipped:
 * the same stream is read on, and one that was made meanwhile (the server lost its store) is read from its beginning.
 */
export function resume(position: Position | undefined, end: StreamEnd): Position {
  const fromNow = end.lastSequence + 1
  const { created } = end
  if (position === undefined) return { created, next: fromNow }
  const wanted = position.created === created ? position.next : 1
  return { created, next: Math.min(Math.max(wanted, fromNow - longestReplay, 1), fromNow) }
}
