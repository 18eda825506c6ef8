import { stripVTControlCharacters } from 'node:util'
import { redact } from '@weir/shared/telemetry'

/**
 * Text of an object, fit for a terminal: on one line, without secrets, and without control characters, since whoever writes a
 * status or a commit message could send commands to the terminal with them.
 */
export function printable(text: string): string {
  return stripVTControlCharacters(redact(text))
    .replace(/\s+/g, ' ')
    .replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069]/g, '')
    .trim()
}

/** The same, with the line breaks kept. */
export function printableLines(text: string): readonly string[] {
  return text
    .split(/\r?\n/)
    .map((line) => printable(line))
    .filter((line) => line !== '')
}

/** At most `width` characters, the last of them `…` where something was cut. */
export function cut(text: string, width: number): string {
  const characters = [...text]
  return characters.length <= width ? text : `${characters.slice(0, Math.max(width - 1, 0)).join('')}…`
}

const units: readonly (readonly [name: string, ms: number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
]

/** `3d4h`, `12m`, `8s`: two units where the first is small, as kubectl does. Negative spans (clocks differ) are `0s`. */
export function showSpan(ms: number): string {
  const at = units.findIndex(([, unitMs]) => ms >= unitMs)
  const [name, unitMs] = units[at] ?? ['s', 1000]
  const whole = Math.max(Math.floor(ms / unitMs), 0)
  const next = units[at + 1]
  const rest = next === undefined || at < 0 || whole >= 10 ? 0 : Math.floor((ms % unitMs) / next[1])
  return rest === 0 || next === undefined ? `${whole}${name}` : `${whole}${name}${rest}${next[0]}`
}

/** How long ago an RFC 3339 time was; `-` where there is none. */
export function showAge(time: unknown, now: number): string {
  const at = typeof time === 'string' ? Date.parse(time) : Number.NaN
  return Number.isNaN(at) ? '-' : showSpan(now - at)
}
