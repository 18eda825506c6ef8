const unitsMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3, // U+00B5
  μs: 1e-3, // U+03BC
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
}
/** Escaped: one character beyond Latin-1 in the code of a bundle makes V8 hold all of it with two bytes a character. */
const part = /(\d+\.?\d*|\.\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/y
/** Go keeps a duration in nanoseconds in 64 bits: about 292 years. */
const longestMs = 2 ** 63 / 1e6

/**
 * Milliseconds of a duration in Go's syntax (`1h30m`, `1.5s`, `250us`), with a fraction where it is finer than a
 * millisecond. Undefined where Go would refuse it: no unit, no number, unknown unit, out of range.
 */
export function parseDurationMs(text: string): number | undefined {
  const sign = text.startsWith('-') ? -1 : 1
  const body = text.replace(/^[+-]/, '')
  if (body === '0') return 0
  const totalMs = sumOfParts(body)
  if (totalMs === undefined || totalMs >= longestMs) return undefined
  return totalMs === 0 ? 0 : sign * totalMs
}

/** A duration as Go prints it: `1h0m0s`, `1m30s`, `1.5s`, `250ms`, `1µs`, `0s`. Rounded to whole nanoseconds. */
export function formatDurationMs(durationMs: number): string {
  const ns = Math.round(Math.abs(durationMs) * 1e6)
  if (ns === 0) return '0s'
  return (durationMs < 0 ? '-' : '') + (ns < 1e9 ? formatBelowSecond(ns) : formatSeconds(ns))
}

function sumOfParts(body: string): number | undefined {
  let totalMs = 0
  let at = 0
  while (at < body.length) {
    part.lastIndex = at
    const match = part.exec(body)
    if (match === null) return undefined
    totalMs += Number(match[1]) * (unitsMs[match[2] ?? ''] ?? Number.NaN)
    at = part.lastIndex
  }
  return body === '' ? undefined : totalMs
}

function formatBelowSecond(ns: number): string {
  if (ns < 1e3) return `${ns}ns`
  return ns < 1e6 ? `${ns / 1e3}µs` : `${ns / 1e6}ms`
}

function formatSeconds(ns: number): string {
  const wholeSeconds = Math.floor(ns / 1e9)
  const seconds = `${wholeSeconds % 60}${fractionOf(ns - wholeSeconds * 1e9)}s`
  const minutes = Math.floor(wholeSeconds / 60)
  if (minutes === 0) return seconds
  const hours = Math.floor(minutes / 60)
  return hours === 0 ? `${minutes}m${seconds}` : `${hours}h${minutes % 60}m${seconds}`
}

function fractionOf(ns: number): string {
  return ns === 0 ? '' : `.${String(ns).padStart(9, '0').replace(/0+$/, '')}`
}
