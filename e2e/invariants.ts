import { readFile } from 'node:fs/promises'
import type { AuditEntry } from '@weir/shared/control-plane'

/** Names an object as the audit log does; `namespace` is '' for a cluster-scoped one. */
export interface AuditName {
  readonly group: string
  /** Plural. */
  readonly resource: string
  readonly namespace: string
  readonly name: string
}

/** What one good revision declares for one Kustomization; a revision that cannot be built is none. */
export interface GoodRevision {
  /** The Kustomization. */
  readonly owner: string
  readonly revision: string
  readonly declares: readonly AuditName[]
  /** When somebody could first see it. */
  readonly sinceMs: number
  /** When a later good revision of the owner was seen applied; undefined: not yet. */
  readonly untilMs?: number
}

/** Good revisions in the order of their pushes. */
export interface Journal {
  /** A good revision is about to be pushed. */
  push(owner: string, revision: string, declares: readonly AuditName[]): void
  /** It was seen applied: what came before it excuses no deletion any more. */
  applied(owner: string, revision: string): void
  revisions(): readonly GoodRevision[]
}

export function createJournal(now: () => number = Date.now): Journal {
  const all: GoodRevision[] = []
  return {
    push: (owner, revision, declares) => void all.push({ owner, revision, declares, sinceMs: now() }),
    applied(owner, revision) {
      const at = all.findLastIndex((each) => each.owner === owner && each.revision === revision)
      if (at < 0) throw new Error(`${owner} was never pushed at ${revision}`)
      for (const [index, each] of all.entries()) if (each.owner === owner && index < at && each.untilMs === undefined) all[index] = { ...each, untilMs: now() }
    },
    revisions: () => all,
  }
}

export interface NeverDeletedOptions {
  readonly audit: readonly AuditEntry[]
  readonly revisions: readonly GoodRevision[]
  /** User agents whose deletions are judged; default: every controller of ours. */
  readonly deletesAs?: RegExp
  /** How far the clocks of the test and of the API server may be apart. */
  readonly toleranceMs?: number
}

/**
 * Deletions of what was declared, one sentence each; none is how it should be. A deletion is excused only by a good revision that was out at
 * that moment and does not declare the object, though others of its Kustomization did. A Namespace takes everything in it along; a deletion of a whole collection is never excused.
 */
export function findWrongDeletions({ audit, revisions, deletesAs = /^weir-/, toleranceMs = 50 }: NeverDeletedOptions): readonly string[] {
  const deletions = audit.filter((entry) => entry.verb.startsWith('delete') && entry.code < 300 && deletesAs.test(entry.userAgent) && !isDryRun(entry))
  return deletions.flatMap((entry) => {
    const where = `${entry.userAgent} at ${entry.startedAt.toISOString()}: ${entry.verb} ${showName(entry)}`
    if (entry.verb === 'deletecollection') return [`${where}: a collection is never deleted`]
    const atMs = entry.startedAt.getTime()
    const out = revisions.filter(({ sinceMs, untilMs = Number.POSITIVE_INFINITY }) => sinceMs - toleranceMs <= atMs && atMs <= untilMs + toleranceMs)
    const owners = [...Map.groupBy(out, ({ owner }) => owner)]
    const wronged = owners.filter(([, theirs]) => theirs.every(({ declares }) => declares.some((declared) => goesWith(declared, entry))))
    return wronged.map(([owner, theirs]) => `${where}: declared by ${owner} at ${theirs.map(({ revision }) => revision).join(', ')}`)
  })
}

function isDryRun({ requestUri }: AuditEntry): boolean {
  return new URL(requestUri, 'http://localhost').searchParams.has('dryRun')
}

function goesWith(declared: AuditName, deleted: AuditName): boolean {
  const isSame = (['group', 'resource', 'namespace', 'name'] as const).every((field) => declared[field] === deleted[field])
  return isSame || (deleted.group === '' && deleted.resource === 'namespaces' && declared.namespace === deleted.name)
}

export function showName({ group, resource, namespace, name }: AuditName): string {
  return `${group === '' ? resource : `${resource}.${group}`} ${namespace === '' ? name : `${namespace}/${name}`}`
}

/** Where a secret value can be read, as it is or in base64: the names of the texts, sorted. */
export function findCanaries(canaries: readonly string[], texts: ReadonlyMap<string, string>): readonly string[] {
  const shapes = canaries.flatMap((canary) => [canary, Buffer.from(canary).toString('base64').replace(/=+$/, ''), encodeURIComponent(canary)])
  return [...texts].filter(([, text]) => shapes.some((shape) => text.includes(shape))).map(([name]) => name).sort()
}

export async function readTexts(files: readonly string[]): Promise<ReadonlyMap<string, string>> {
  return new Map(await Promise.all(files.map(async (file) => [file, await readFile(file, 'utf8')] as const)))
}
