import { eventTypes } from './bus.ts'
import type { EventFilter, EventSubject, EventType } from './bus.ts'

/** Every subject is `weir.v1.<cluster>.<kind>.<namespace>.<name>.<type>`: always seven tokens. */
const prefix = 'weir.v1'

export interface Address {
  readonly cluster: string
  readonly subject: EventSubject
  readonly type: EventType
}

/** What the stream holds: the events of every cluster. */
export const allSubjects = `${prefix}.>`

export function subjectOf(address: Address): string {
  const { kind, namespace, name } = address.subject
  return [prefix, ...[address.cluster, kind, namespace, name, address.type].map(escapeToken)].join('.')
}

/** The subject with a wildcard for each absent field. */
export function subjectFilter(cluster: string, filter: EventFilter): string {
  const tokens = [filter.kind, filter.namespace, filter.name, filter.type].map((value) => (value === undefined ? '*' : escapeToken(value)))
  return [prefix, escapeToken(cluster), ...tokens].join('.')
}

/** undefined when the text is no subject of ours. */
export function parseSubject(text: string): Address | undefined {
  const tokens = text.split('.')
  if (tokens.length !== 7 || !text.startsWith(`${prefix}.`)) return undefined
  const [cluster, kind, namespace, name, last] = tokens.slice(2).map(unescapeToken)
  const type = eventTypes.find((known) => known === last)
  if (cluster === undefined || kind === undefined || namespace === undefined || name === undefined || type === undefined) return undefined
  return { cluster, subject: { kind, namespace, name }, type }
}

/**
 * One token that holds any text: bytes outside `A-Z a-z 0-9 -` become `%XX`, the empty text becomes `_`. NATS gives a
 * meaning to dots, wildcards and spaces and allows no empty token.
 */
export function escapeToken(text: string): string {
  if (text === '') return '_'
  return text.replace(/[^A-Za-z0-9-]/gu, (character) =>
    [...Buffer.from(character)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  )
}

/** undefined when `escapeToken` never gives this token. */
export function unescapeToken(token: string): string | undefined {
  if (token === '_') return ''
  if (!/^(?:[A-Za-z0-9-]|%[0-9A-F]{2})+$/.test(token)) return undefined
  try {
    const text = decodeURIComponent(token)
    return escapeToken(text) === token ? text : undefined
  } catch {
    return undefined
  }
}
