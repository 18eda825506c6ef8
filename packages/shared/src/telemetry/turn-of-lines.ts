/** Lines of one turn of the event loop, for whoever takes them. */
export interface TurnOfLines {
  add(line: string): void
  /** What was added goes out now. */
  flush(): void
}

/**
 * Collects the lines of one turn of the event loop into one write: each write wakes whoever reads, and under load that costs more
 * than to make the line. A process that is killed loses no more than what it said in that turn.
 */
export function createTurnOfLines(write: (lines: string) => void): TurnOfLines {
  const state: { lines: string; later?: NodeJS.Immediate | undefined } = { lines: '' }
  const flush = (): void => {
    clearImmediate(state.later)
    state.later = undefined
    const { lines } = state
    state.lines = ''
    if (lines !== '') write(lines)
  }
  return {
    add(line) {
      state.lines += line
      state.later ??= setImmediate(flush)
    },
    flush,
  }
}
