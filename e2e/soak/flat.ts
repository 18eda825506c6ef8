/** What a measure may grow by between the ends of a run and still be flat: the larger of both allowances. */
export interface Allowance {
  /** In the measure's own unit. */
  readonly absolute: number
  /** A share of the first quarter's median. */
  readonly relative: number
}

/** One measure of one process over time. */
export interface Series {
  /** `kustomize-controller rssMiB` */
  readonly measure: string
  readonly allowed: Allowance
  readonly points: readonly Point[]
}

export interface Point {
  /** Since the whole fleet was ready. */
  readonly atMs: number
  readonly value: number
}

export interface Judged {
  /** Medians of the first and the last quarter of what was judged. */
  readonly first: number
  readonly last: number
  /** What the least-squares line rises by over all that was judged. */
  readonly rise: number
  /** What `last - first` and `rise` may be. */
  readonly limit: number
  /** Points that were judged. */
  readonly points: number
  /** It rises from point to point, by a tenth of the limit and more: a cache that fills, or a leak that takes longer than this run to show. */
  readonly isRising: boolean
  readonly isFlat: boolean
}

/** Fewer points say nothing: such a series is not flat. */
const fewestPoints = 8
/** Of all pairs of points, how many more rise than fall; at eight points chance alone comes to it once in a thousand times. */
const steadyShare = 0.8
const mostWarmUpMs = 10 * 60_000

/** What comes before is not judged: ten minutes, of a short run a third. */
export function warmUpMs(runMs: number): number {
  return Math.min(mostWarmUpMs, runMs / 3)
}

/**
 * A series is flat when, after the warm-up, neither the medians of its first and last quarter nor its least-squares line say that it grew by more
 * than is allowed. The medians miss what comes and goes; the line sees a slow rise that a single quarter hides. Falling is flat.
 */
export function judgeSeries({ points, allowed }: Series, fromMs: number): Judged {
  const judged = points.filter(({ atMs }) => atMs >= fromMs)
  const quarter = Math.ceil(judged.length / 4)
  const first = median(judged.slice(0, quarter))
  const last = median(judged.slice(-quarter))
  const rise = slopeOf(judged) * ((judged.at(-1)?.atMs ?? 0) - (judged[0]?.atMs ?? 0))
  const limit = Math.max(allowed.absolute, allowed.relative * first)
  const isFlat = judged.length >= fewestPoints && last - first <= limit && rise <= limit
  const isRising = judged.length >= fewestPoints && rise >= limit / 10 && trendOf(judged) >= steadyShare
  return { first: rounded(first), last: rounded(last), rise: rounded(rise), limit: rounded(limit), points: judged.length, isRising, isFlat }
}

/** By the name of each measure. */
export function judgeAll(all: readonly Series[], fromMs: number): Readonly<Record<string, Judged>> {
  return Object.fromEntries(all.map((series) => [series.measure, judgeSeries(series, fromMs)]))
}

function median(points: readonly Point[]): number {
  const sorted = points.map(({ value }) => value).sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? 0
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2
}

/** Kendall's rank correlation with time: 1 if every point is above all before it, 0 without a trend. No step and no single burst comes near 1. */
function trendOf(points: readonly Point[]): number {
  const signs = points.flatMap((later, index) => points.slice(0, index).map((earlier) => Math.sign(later.value - earlier.value)))
  return signs.reduce((sum, sign) => sum + sign, 0) / Math.max(1, signs.length)
}

/** In units a millisecond. */
function slopeOf(points: readonly Point[]): number {
  const mean = (read: (point: Point) => number): number => points.reduce((sum, point) => sum + read(point), 0) / points.length
  const [middleMs, level] = [mean(({ atMs }) => atMs), mean(({ value }) => value)]
  const spread = points.reduce((sum, { atMs }) => sum + (atMs - middleMs) ** 2, 0)
  return spread === 0 ? 0 : points.reduce((sum, { atMs, value }) => sum + (atMs - middleMs) * (value - level), 0) / spread
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100
}
