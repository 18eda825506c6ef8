import { LRUCache } from 'lru-cache'

/** What makes two Events alike. */
export interface Sighting {
  /** Kind, namespace, name and uid of the object, in one text. */
  readonly object: string
  readonly type: string
  readonly reason: string
  readonly message: string
  readonly atMs: number
}

/** How a sighting is told: as a new Event, as one more of a known one, or not at all. */
export type Telling =
  | { readonly kind: 'create' | 'repeat'; readonly key: string; readonly message: string; readonly count: number; readonly firstAtMs: number }
  | { readonly kind: 'suppress' }

export type Correlator = (sighting: Sighting) => Telling

/** The limits of client-go's recorder, which every Kubernetes controller has. */
const known = 4096
const spamBurst = 25
const spamRefillMs = 300_000
const similarLimit = 10
const similarWindowMs = 600_000

/**
 * client-go's rules: the same message about the same object again raises a count; from the tenth different message of
 * one reason within ten minutes they are combined in one Event; an object has 25 writes, and one more each 5 minutes.
 */
export function createCorrelator(): Correlator {
  const told = new LRUCache<string, { count: number; readonly firstAtMs: number }>({ max: known })
  const similar = new LRUCache<string, { readonly messages: Set<string>; lastAtMs: number }>({ max: known })
  const budgets = new LRUCache<string, { left: number; atMs: number }>({ max: known })

  return (sighting) => {
    const { key, message } = combine(similar, sighting)
    const before = told.get(key)
    const record = before ?? { count: 0, firstAtMs: sighting.atMs }
    record.count += 1
    if (before === undefined) told.set(key, record)
    if (!mayTell(budgets, sighting)) return { kind: 'suppress' }
    return { kind: before === undefined ? 'create' : 'repeat', key, message, count: record.count, firstAtMs: record.firstAtMs }
  }
}

function combine(
  similar: LRUCache<string, { readonly messages: Set<string>; lastAtMs: number }>,
  { object, type, reason, message, atMs }: Sighting,
): { readonly key: string; readonly message: string } {
  const group = JSON.stringify([object, type, reason])
  const known = similar.get(group)
  const record = known !== undefined && atMs - known.lastAtMs <= similarWindowMs ? known : { messages: new Set<string>(), lastAtMs: atMs }
  record.lastAtMs = atMs
  if (record.messages.size < similarLimit || record.messages.has(message)) record.messages.add(message)
  similar.set(group, record)
  if (record.messages.size < similarLimit) return { key: JSON.stringify([object, type, reason, message]), message }
  return { key: group, message: `(combined from similar events): ${message}` }
}

function mayTell(budgets: LRUCache<string, { left: number; atMs: number }>, { object, atMs }: Sighting): boolean {
  const budget = budgets.get(object) ?? { left: spamBurst, atMs }
  budget.left = Math.min(spamBurst, budget.left + Math.max(0, atMs - budget.atMs) / spamRefillMs)
  budget.atMs = atMs
  budgets.set(object, budget)
  if (budget.left < 1) return false
  budget.left -= 1
  return true
}
