import { ArtifactError } from '@weir/shared/artifact'
import { failingTransiently, isStop, type Key, type Stop } from '@weir/shared/runtime'
import type { Deps, RepositoryStep } from './ports.ts'

/** Removes what is stored of a repository that is being deleted, suspended or not. */
export async function finalizeGitRepository(key: Key, { store }: Deps, step: RepositoryStep): Promise<Stop | 'finalized'> {
  const removed = await step('remove artifacts', async () => {
    try {
      await store.drop({ kind: 'GitRepository', ...key })
      return true
    } catch (error) {
      if (!(error instanceof ArtifactError)) throw error
      return failingTransiently({ reason: 'GarbageCollectionFailed', message: error.message, blames: 'StorageOperationFailed' })
    }
  })
  return isStop(removed) ? removed : 'finalized'
}
