import { kustomizeGroup, sourceGroup } from '@weir/shared/api'
import type { AuditEntry } from '@weir/shared/control-plane'
import { appKinds } from './fleet.ts'

/** What one client asked of the API server. */
export interface CallCounts {
  /** All of them: watches, leases, events and discovery too. */
  readonly calls: number
  /** Writes to the status of Kustomizations and sources. */
  readonly statusWrites: number
  readonly dryRuns: number
  /** Calls on applied objects, watches apart. */
  readonly objectCalls: number
  /** Those of them that read: get and list. */
  readonly objectReads: number
}

export interface Client {
  /** Part of the user agent: `kustomize-controller`. */
  readonly userAgent: string
  /** The whole user name, where one program has several user agents. */
  readonly user?: string
}

/** The calls of one client, by what they are for. */
export function countCalls(entries: readonly AuditEntry[], client: Client): CallCounts {
  const own = callsOf(entries, client)
  const onObjects = own.filter((entry) => isAppKind(entry) && entry.verb !== 'watch')
  return {
    calls: own.length,
    statusWrites: own.filter(isStatusWrite).length,
    dryRuns: own.filter(({ requestUri }) => /[?&]dryRun=/.test(requestUri)).length,
    objectCalls: onObjects.length,
    objectReads: onObjects.filter(({ verb }) => verb === 'get' || verb === 'list').length,
  }
}

/** Of a client that did work: without any call of it nothing was measured, and this throws. */
export function countWork(entries: readonly AuditEntry[], client: Client): CallCounts {
  const counts = countCalls(entries, client)
  if (counts.calls === 0) throw new Error(`the audit log holds no call of ${client.userAgent}`)
  return counts
}

/** Status writes by the name of the object, in the order of their answers. */
export function statusWritesByName(entries: readonly AuditEntry[], client: Client): ReadonlyMap<string, readonly Date[]> {
  const writes = callsOf(entries, client).filter((entry) => isStatusWrite(entry) && entry.group === kustomizeGroup && entry.code < 300)
  const sorted = writes.toSorted((a, b) => a.answeredAt.getTime() - b.answeredAt.getTime())
  const byName = new Map<string, Date[]>()
  for (const { name, answeredAt } of sorted) byName.set(name, [...(byName.get(name) ?? []), answeredAt])
  return byName
}

/** Seconds from the first to the last write of an applied object: how long the writing took, without the waiting. */
export function writingSeconds(entries: readonly AuditEntry[], client: Client): number {
  const times = callsOf(entries, client)
    .filter((entry) => isAppKind(entry) && entry.verb === 'patch')
    .map(({ answeredAt }) => answeredAt.getTime())
  return times.length === 0 ? 0 : (times.reduce((a, b) => Math.max(a, b)) - times.reduce((a, b) => Math.min(a, b))) / 1000
}

/** Calls by verb and resource, most frequent first: what a person reads to see where they went. */
export function breakDown(entries: readonly AuditEntry[], client: Client): Readonly<Record<string, number>> {
  const counts = new Map<string, number>()
  for (const entry of callsOf(entries, client)) {
    const what = entry.resource === '' ? entry.requestUri.split('?', 1)[0] : `${entry.resource}${entry.subresource === '' ? '' : `/${entry.subresource}`}`
    const name = `${entry.verb} ${what}${/[?&]dryRun=/.test(entry.requestUri) ? ' (dry run)' : ''}${entry.code >= 400 ? ` ${entry.code}` : ''}`
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return Object.fromEntries([...counts].sort(([, a], [, b]) => b - a))
}

function callsOf(entries: readonly AuditEntry[], { userAgent, user }: Client): readonly AuditEntry[] {
  return entries.filter((entry) => entry.userAgent.includes(userAgent) && (user === undefined || entry.user === user))
}

function isStatusWrite({ group, subresource, verb }: AuditEntry): boolean {
  return subresource === 'status' && (group === kustomizeGroup || group === sourceGroup) && (verb === 'patch' || verb === 'update')
}

function isAppKind({ group, resource }: AuditEntry): boolean {
  return appKinds.some((kind) => kind.group === group && kind.plural === resource)
}
