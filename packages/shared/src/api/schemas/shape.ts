import { z } from 'zod'
import { parseDurationMs } from '../duration.ts'

const durationPattern = /^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$/
const shortDurationPattern = /^([0-9]+(\.[0-9]+)?(ms|s|m))+$/

/** A Go duration. The pattern is what the CRD can say; the check also refuses what Go could not hold. */
export function duration() {
  return z.string().regex(durationPattern).refine(isDuration, { error: 'is no duration' })
}

/** A Go duration without hours, as sources have it for their timeouts. */
export function shortDuration() {
  return z.string().regex(shortDurationPattern).refine(isDuration, { error: 'is no duration' })
}

/** A reference to an object of a known kind in the same namespace. */
export function localReference(whose: string) {
  return z.object({ name: z.string().describe(`Name of ${whose}.`) })
}

/** A whole number of 64 bits, as Go's int64 is written in a CRD. */
export function int64() {
  return z.int().meta({ format: 'int64' })
}

/** RFC 3339. The format is said in the CRD and checked by the API server. */
export function timestamp() {
  return z.string().meta({ format: 'date-time' })
}

function isDuration(text: string): boolean {
  return parseDurationMs(text) !== undefined
}
