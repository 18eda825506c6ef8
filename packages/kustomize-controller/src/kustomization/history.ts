import type { HistoryEntry } from '@weir/shared/api'

/** How one run ended, as it enters the history. */
export interface Chapter {
  /** Digest of the objects as built, before owner labels and common metadata. */
  readonly digest: string
  readonly status: 'ReconciliationSucceeded' | 'ReconciliationFailed' | 'PruneFailed' | 'HealthCheckFailed'
  /** Go duration. */
  readonly duration: string
  readonly revision: string
  readonly originRevision: string | undefined
  /** RFC 3339 in whole seconds. */
  readonly now: string
}

const longest = 5

/** The next history: the entry of this digest and status is bumped and moves to the front, or a new one does. */
export function record(history: readonly HistoryEntry[] | undefined, chapter: Chapter): readonly HistoryEntry[] {
  const isSame = (entry: HistoryEntry): boolean => entry.digest === chapter.digest && entry.lastReconciledStatus === chapter.status
  const before = history ?? []
  const known = before.find(isSame)
  const entry: HistoryEntry = {
    digest: chapter.digest,
    firstReconciled: known?.firstReconciled ?? chapter.now,
    lastReconciled: chapter.now,
    lastReconciledDuration: chapter.duration,
    lastReconciledStatus: chapter.status,
    totalReconciliations: (known?.totalReconciliations ?? 0) + 1,
    metadata: { revision: chapter.revision, ...(chapter.originRevision ? { originRevision: chapter.originRevision } : {}) },
  }
  return [entry, ...before.filter((each) => !isSame(each))].slice(0, longest)
}
