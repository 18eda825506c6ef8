/** When people work and when they rest, in samples. */
export interface Rhythm {
  /** Samples from one rest to the next. */
  readonly period: number
  /** Of these, at the end, how many nobody works before; the last one is the rest that is judged. */
  readonly rest: number
}

const restsARun = 12
const longestRest = 6

/**
 * Twelve rests a run, 60 s each in a long one: what is held then is held for no work, so that the first rest and the last can be compared. A
 * short run rests for half of its time.
 */
export function rhythmOf(samples: number): Rhythm {
  const period = Math.max(2, Math.floor(samples / restsARun))
  return { period, rest: Math.min(longestRest, Math.floor(period / 2)) }
}

/** What comes after the sample of this number, the first being 0. */
export function isResting(at: number, { period, rest }: Rhythm): boolean {
  const next = (at + 1) % period
  return next > period - 1 - rest && next <= period - 1
}

/** The last sample of a rest. */
export function isRestSample(at: number, { period }: Rhythm): boolean {
  return at % period === period - 1
}
