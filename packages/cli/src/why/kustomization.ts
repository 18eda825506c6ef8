import { sourceGroup, kustomizationKind } from '@weir/shared/api'
import type { KubeObject } from '@weir/shared/kube'
import { fieldAt, identify, isFields } from '@weir/shared/manifest'
import { readyOf, revisionOf, textAt } from '../get/row.ts'
import { finding, type Finding, type Place } from './finding.ts'
import { findUnhealthy, findUnhealthyWorkloads } from './unhealthy.ts'
import { fileIn, placesIn } from './places.ts'
import { readinessOf, type Readiness } from './readiness.ts'
import type { ObjectName } from './reader.ts'
import type { Walk } from './walk.ts'

/** A Kustomization, and what it waits for or fails on. */
export async function explainKustomization(object: KubeObject, walk: Walk): Promise<Finding> {
  const readiness = readinessOf(object)
  const { causes, facts } = await lookBelow(object, readiness, walk)
  return finding(identify(object), { ...readiness, facts: [...readiness.facts, ...facts], causes })
}

interface Below {
  readonly causes: readonly Finding[]
  readonly facts: readonly string[]
}

/** The reason says where to look. */
async function lookBelow(object: KubeObject, readiness: Readiness, walk: Walk): Promise<Below> {
  switch (readiness.reason) {
    case 'DependencyNotReady':
      return lookAtDependencies(object, walk)
    case 'DependencyCycle':
      return { causes: [], facts: [] } // the message names the whole circle; going round it would tell it again
    case 'BuildFailed':
      return { causes: [], facts: fileFacts(readiness.message) }
    case 'ReconciliationFailed':
    case 'PruneFailed':
      return { causes: refused(object, readiness), facts: [] }
    case 'HealthCheckFailed':
    case 'HealthCheckCanceled':
      return findUnhealthy(object, walk)
    case 'Progressing':
    case 'ProgressingWithRetry':
      return together(await lookAtSource(object, walk), await findUnhealthy(object, walk))
    default:
      return readiness.state === 'ready' ? together(await lookAtSource(object, walk), await findUnhealthyWorkloads(object, walk)) : lookAtSource(object, walk)
  }
}

function together(...parts: readonly Below[]): Below {
  return { causes: parts.flatMap(({ causes }) => causes), facts: parts.flatMap(({ facts }) => facts) }
}

/** The source, if it is not ready: also a ready Kustomization gets nothing new then. And what it holds, if that is not applied. */
async function lookAtSource(object: KubeObject, walk: Walk): Promise<Below> {
  const name = sourceOf(object)
  const relation = 'its source'
  const only = (found: Finding): Below => ({ causes: [found], facts: [] })
  const sighting = await walk.reader.read(name)
  switch (sighting.kind) {
    case 'missing':
      return only(finding(name, { state: 'missing', relation, message: 'there is no such source' }))
    case 'not-served':
      return only(finding(name, { state: 'missing', relation, message: `the cluster has no kind ${name.kind}: its definition is not installed` }))
    case 'unreadable':
      return only(finding(name, { state: 'unreadable', relation, message: sighting.message }))
    case 'found': {
      const found = await walk.explain(sighting.object, walk)
      const revision = revisionOf(sighting.object)
      const moved = readyOf(object)?.status === 'True' && revision !== undefined && revision !== textAt(object, 'status', 'lastAppliedRevision')
      return { causes: found.state === 'ready' ? [] : [{ ...found, relation }], facts: moved ? [`its source is at revision ${revision}, which is not applied`] : [] }
    }
  }
}

async function lookAtDependencies(object: KubeObject, walk: Walk): Promise<Below> {
  const causes: Finding[] = []
  for (const place of dependenciesOf(object)) {
    const found = await lookAtDependency(object, place, walk)
    if (found !== undefined) causes.push({ ...found, relation: 'depends on' })
  }
  return { causes, facts: causes.length > 0 ? [] : ['every dependency is ready by now: the next run goes on'] }
}

/** Undefined: nothing is wrong with it. */
async function lookAtDependency(object: KubeObject, place: Place, walk: Walk): Promise<Finding | undefined> {
  const key = `${place.kind}/${place.namespace}/${place.name}`
  const from = walk.above.indexOf(key)
  if (from >= 0) {
    const circle = [...walk.above.slice(from), key].map((each) => each.replace(/^Kustomization\//, '')).join(' → ')
    return finding(place, { state: 'failed', reason: 'DependencyCycle', message: `dependencies go round in a circle: ${circle}` })
  }
  const sighting = await walk.reader.read({ ...kustomizationKind, ...place })
  if (sighting.kind === 'unreadable') return finding(place, { state: 'unreadable', message: sighting.message })
  if (sighting.kind !== 'found') return finding(place, { state: 'missing', message: 'there is no such Kustomization' })
  const found = await walk.explain(sighting.object, walk)
  // A suspended one is as ready as it was.
  const isReady = found.state === 'ready' || (found.state === 'suspended' && readyOf(sighting.object)?.status === 'True')
  return isReady ? lagOf(object, sighting.object, { found, walk }) : found
}

/** Ready, but at an older revision of the source that both read. */
async function lagOf(object: KubeObject, dependency: KubeObject, { found, walk }: { readonly found: Finding; readonly walk: Walk }): Promise<Finding | undefined> {
  const name = sourceOf(object)
  if (JSON.stringify(name) !== JSON.stringify(sourceOf(dependency))) return undefined
  const source = await walk.reader.read(name)
  const wanted = source.kind === 'found' ? revisionOf(source.object) : undefined
  const applied = textAt(dependency, 'status', 'lastAppliedRevision')
  if (wanted === undefined || wanted === applied) return undefined
  return { ...found, state: 'waiting', reason: 'DependencyNotReady', message: `it is ready at ${applied ?? 'no revision'} and the source is at ${wanted}` }
}

export function dependenciesOf(object: KubeObject): readonly Place[] {
  const listed = fieldAt(object, 'spec', 'dependsOn')
  if (!Array.isArray(listed)) return []
  return listed.filter(isFields).flatMap((one) => {
    const name = textAt(one, 'name')
    return name === undefined ? [] : [{ kind: 'Kustomization', namespace: textAt(one, 'namespace') ?? object.metadata.namespace ?? '', name }]
  })
}

function sourceOf(object: KubeObject): ObjectName {
  const at = (field: string): string => textAt(object, 'spec', 'sourceRef', field) ?? ''
  return { group: sourceGroup, kind: at('kind'), namespace: at('namespace') || (object.metadata.namespace ?? ''), name: at('name') }
}

/** The object that the API server refused: the first that the message names, with the server's words about it. */
function refused(object: KubeObject, { reason, message }: Readiness): readonly Finding[] {
  const [place] = placesIn(message).filter(({ kind, name }) => !(kind === 'Kustomization' && name === object.metadata.name))
  if (place === undefined) return []
  const [first = ''] = message.split('\n').filter((line) => line.includes(place.name))
  const relation = reason === 'PruneFailed' ? 'could not delete' : 'could not apply'
  return [finding(place, { state: 'refused', relation, reason, message: first })]
}

function fileFacts(message: string): readonly string[] {
  const found = fileIn(message)
  if (found === undefined) return []
  return [`file: ${found.file}${found.line === undefined ? '' : `, line ${found.line}`}`]
}
