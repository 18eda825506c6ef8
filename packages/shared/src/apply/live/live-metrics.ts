import type { Metrics } from '@weir/shared/telemetry'
import { isFresh } from './kind-watch.ts'
import type { State } from './state.ts'

/** Read at each scrape. Returns the way to stop it. */
export function createLiveMetrics(metrics: Metrics, state: State): () => void {
  const objects = metrics.gauge('weir_live_set_objects', 'Objects that are known by watch.', [])
  const kinds = metrics.gauge('weir_live_set_kinds', 'Kinds held by an inventory, by the state of their watch.', ['state'])
  return metrics.beforeScrape(() => {
    objects.set({}, state.entries.size)
    const states = [...state.kinds.values()].map((kind) => {
      if (kind.trouble !== undefined) return 'unwatched'
      return isFresh(kind) ? 'fresh' : 'stale'
    })
    for (const name of ['fresh', 'stale', 'unwatched']) kinds.set({ state: name }, states.filter((at) => at === name).length)
  })
}
