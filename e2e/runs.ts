import { until, type Named } from './fleet.ts'
import type { Platform } from './platform.ts'

const series = 'gotk_reconcile_duration_seconds_count{'

/**
 * Runs of a Kustomization that the process which was started last has ended with a verdict, by its own count: what an earlier process did is not
 * in it, nor are runs that something newer cut short.
 */
export async function countRuns(platform: Platform, { namespace, name }: Named): Promise<number> {
  const text = await (await fetch(platform.controller('kustomize-controller').metricsUrl)).text()
  const labels = ['kind="Kustomization"', `name="${name}"`, `namespace="${namespace}"`]
  const line = text.split('\n').find((each) => each.startsWith(series) && labels.every((label) => each.includes(label)))
  return Number(line?.split(' ').at(-1) ?? 0)
}

const quietMs = 1_000

/** The same, once no run has ended for a second: whatever was asked for until now has run. */
export async function countSettledRuns(platform: Platform, named: Named): Promise<number> {
  const last = { count: await countRuns(platform, named), sinceMs: performance.now() }
  const look = async (): Promise<number | undefined> => {
    const count = await countRuns(platform, named)
    if (count !== last.count) Object.assign(last, { count, sinceMs: performance.now() })
    return performance.now() - last.sinceMs > quietMs ? count : undefined
  }
  return until(`no more runs of ${named.name}`, look, { everyMs: 50, seen: () => last.count })
}
