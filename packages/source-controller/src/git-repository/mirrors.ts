import type { GitRepository } from '@weir/shared/api'
import type { Git } from '@weir/shared/git'
import type { Cache } from '@weir/shared/kube'
import type { Stored } from '@weir/shared/runtime'
import type { Telemetry } from '@weir/shared/telemetry'

export interface Mirrored {
  readonly git: Git
  readonly cache: Cache<Stored<GitRepository>>
  readonly telemetry: Telemetry
}

/**
 * Sees to it that no mirror stays whose URL no object names: from now on, and those that an earlier process left. Many changes at once are one
 * look at the disk. A mirror that goes too early costs a fetch and nothing else.
 */
export function keepNamedMirrors({ git, cache, telemetry }: Mirrored): void {
  const state = { running: false, again: false }
  const run = async (): Promise<void> => {
    for (state.again = true; state.again; ) {
      state.again = false
      await git.keepMirrorsOf(cache.list().flatMap((stored) => urlOf(stored) ?? []))
    }
  }
  const look = (): void => {
    state.again = true
    if (state.running) return
    state.running = true
    run()
      .catch((error: unknown) => telemetry.log.error('mirrors of URLs that no object names cannot be removed', { error }))
      .finally(() => (state.running = false))
  }
  cache.onChange(({ before, after }) => {
    const gone = urlOf(before)
    if (gone !== undefined && gone !== urlOf(after)) look()
  })
  look()
}

function urlOf(stored: Stored<GitRepository> | undefined): string | undefined {
  return stored?.ok === true ? stored.value.spec.url : undefined
}
