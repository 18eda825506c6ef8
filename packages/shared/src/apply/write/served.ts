import type { Kube } from '@weir/shared/kube'
import { fieldAt, isFields, parseJson } from '@weir/shared/manifest'
import type { Desired } from '../declare.ts'
import { sleep } from './sleep.ts'

/** How long an established definition may take to show in discovery: the API server gathers it in the background. */
const servedMs = 10_000
const firstPauseMs = 50
const longestPauseMs = 1_000

/**
 * Waits until discovery shows the kinds that these definitions define. A kind that does not show in time is not told here:
 * whoever needs it then finds that it is not served.
 */
export async function awaitServed(kube: Kube, definitions: readonly Desired[], signal: AbortSignal): Promise<void> {
  const kinds = definitions.flatMap(definedKinds)
  const end = performance.now() + servedMs
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    await kube.discovery.refresh({ maxAgeMs: 0, signal })
    const found = await Promise.all(kinds.map((kind) => kube.discovery.resource(kind, signal)))
    if (found.every((resource) => resource !== undefined) || performance.now() > end) return
    await sleep(pauseMs, signal)
  }
}

interface DefinedKind {
  readonly group: string
  readonly kind: string
  readonly version: string
}

function definedKinds({ body }: Desired): readonly DefinedKind[] {
  const definition = parseJson(body.toString())
  const [group, kind, versions] = [fieldAt(definition, 'spec', 'group'), fieldAt(definition, 'spec', 'names', 'kind'), fieldAt(definition, 'spec', 'versions')]
  if (typeof group !== 'string' || typeof kind !== 'string' || !Array.isArray(versions)) return []
  const served = versions.filter((version) => isFields(version) && version['served'] === true).map((version) => fieldAt(version, 'name'))
  return served.filter((version) => typeof version === 'string').map((version) => ({ group, kind, version }))
}
