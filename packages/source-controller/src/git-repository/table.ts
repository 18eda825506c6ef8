import { controllerNames, fieldManagers, finalizer, gitRepositoryKind, type GitRepository } from '@weir/shared/api'
import { textOf, type KindTable } from '@weir/shared/runtime'
import { eventsOf } from './events.ts'
import { intervalMs } from './timing.ts'

/** A GitRepository's vocabulary and policies. `subjects`: first lines of commits that were stored and not yet told, by key. */
export function gitRepositoryTable(subjects: Map<string, string>): KindTable<GitRepository> {
  return {
    kind: gitRepositoryKind,
    controller: controllerNames.source,
    fieldManager: fieldManagers.source,
    finalizer,
    facts: { ArtifactInStorage: {}, SourceVerified: { forces: true } },
    faults: {
      StorageOperationFailed: { until: 'verdict' },
      FetchFailed: { until: 'verdict' },
      IncludeUnavailable: { until: 'verdict' },
      ArtifactOutdated: { until: 'ready' },
    },
    readyOrder: ['StorageOperationFailed', 'FetchFailed', 'IncludeUnavailable', 'ArtifactOutdated', 'ArtifactInStorage', 'SourceVerified'],
    running: 'source',
    suspended: { dropsStalled: true, observes: 'always' },
    retry: {},
    invalid: { reason: 'InvalidSpec', blames: 'FetchFailed' },
    failed: { reason: 'GitOperationFailed', blames: 'FetchFailed' },
    timedOut: { reason: 'GitOperationFailed', blames: 'FetchFailed' },
    intervalMs,
    events(moment) {
      const key = textOf({ namespace: moment.before.metadata.namespace ?? '', name: moment.before.metadata.name })
      const subject = subjects.get(key)
      subjects.delete(key)
      return eventsOf(moment, subject)
    },
  }
}
