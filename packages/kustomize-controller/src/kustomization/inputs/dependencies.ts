import type { Kustomization, SourceReference } from '@weir/shared/api'
import { describeCycle, isReady, stalled, waiting, type Key, type Stop, type Stored } from '@weir/shared/runtime'

/** What the check may ask: what is known of another Kustomization, and of sources. */
export interface Neighbours {
  /** From the cache, or from the API server where this process does not watch it; undefined: it does not exist. */
  find(key: Key): Promise<Stored<Kustomization> | undefined>
  cycle(key: Key): readonly Key[] | undefined
  /** Revision of the artifact that a source holds now. */
  revisionOf(source: SourceReference, namespace: string): string | undefined
}

/** Keys of the Kustomizations that this one waits for. */
export function dependenciesOf({ metadata, spec }: Kustomization): readonly Key[] {
  return (spec.dependsOn ?? []).map(({ name, namespace }) => ({ name, namespace: namespace || (metadata.namespace ?? '') }))
}

/**
 * The first dependency that is not there yet, as a Stop. Ready means: at the generation that is stored, and, where both read one
 * source, at the revision that the source holds now (contract 4.4). Its change wakes the object; `retryAfterMs` is the fallback.
 */
export async function checkDependencies(kustomization: Kustomization, neighbours: Neighbours, retryAfterMs: number): Promise<Stop | undefined> {
  const key: Key = { namespace: kustomization.metadata.namespace ?? '', name: kustomization.metadata.name }
  const keys = dependenciesOf(kustomization)
  if (keys.length === 0) return undefined
  const cycle = neighbours.cycle(key)
  if (cycle) return stalled({ reason: 'DependencyCycle', message: `dependencies go round in a circle: ${describeCycle(cycle)}` })
  for (const each of keys) {
    const verdict = judge(kustomization, { key: each, dependency: await neighbours.find(each) }, neighbours)
    if (verdict) return waiting({ reason: 'DependencyNotReady', message: verdict }, retryAfterMs)
  }
  return undefined
}

function judge(own: Kustomization, { key, dependency }: { readonly key: Key; readonly dependency: Stored<Kustomization> | undefined }, neighbours: Neighbours): string | undefined {
  const name = `dependency '${key.namespace}/${key.name}'`
  if (dependency === undefined) return `${name} not found`
  if (!dependency.ok) return `${name} is not ready`
  const { metadata, status } = dependency.value
  if (status?.observedGeneration !== metadata.generation || !isReady(dependency.value)) return `${name} is not ready`
  if (!sharesSource(own, dependency.value)) return undefined
  const current = neighbours.revisionOf(own.spec.sourceRef, own.metadata.namespace ?? '')
  return current === undefined || status?.lastAppliedRevision === current ? undefined : `${name} revision is not up to date`
}

function sharesSource(a: Kustomization, b: Kustomization): boolean {
  const text = ({ metadata, spec: { sourceRef } }: Kustomization): string =>
    `${sourceRef.kind}/${sourceRef.namespace || metadata.namespace}/${sourceRef.name}`
  return text(a) === text(b)
}
