import { retired } from '@weir/shared/api'
import type { Discovery } from '@weir/shared/kube'
import { fieldAt, groupKind, identify, inventoryId, jsonOf, normalise, shortDigest, showObject, withMetadata, withOwner } from '@weir/shared/manifest'
import type { ExtraMetadata, KubeObject, ObjectRef, Owner } from '@weir/shared/manifest'
import { ApplyError } from './apply-error.ts'
import { hasRetired } from './fields/managed-fields.ts'
import { readSwitches } from './switches.ts'
import type { Switches } from './switches.ts'

/** One object as it is sent, and what must be known of it without parsing it again. */
export interface Desired {
  /** As the API server will name it: no namespace where the kind is cluster-scoped. */
  readonly ref: ObjectRef
  /** Inventory id. */
  readonly id: string
  /** Compact JSON, owner labels in it. */
  readonly body: Buffer
  /** Short, of the body: to tell the object from its own former self. */
  readonly digest: number
  readonly switches: Switches
  /** A Job that deletes itself once it is done: its absence is neither drift nor unhealthy. */
  readonly vanishes: boolean
}

export interface DeclareOptions {
  readonly owner: Owner
  readonly commonMetadata?: ExtraMetadata
  readonly discovery: Pick<Discovery, 'resource'>
  readonly signal?: AbortSignal
}

/**
 * Built objects as they will be sent: common metadata, owner labels, normalised, without what is retired. A kind that is not served
 * yet may be defined by an object of the set; where nothing tells its scope, the object is taken as written, and its id may be one
 * that no object can have. Throws ApplyError `duplicate`, or KubeError.
 */
export async function declareObjects(objects: readonly KubeObject[], options: DeclareOptions): Promise<readonly Desired[]> {
  const scopes = await scopesOf(objects, options)
  const desired = objects.map((object) => declareOne(object, scopes, options))
  refuseDuplicates(desired)
  return desired
}

type Scope = 'namespaced' | 'cluster' | 'unknown'

function declareOne(object: KubeObject, scopes: ReadonlyMap<string, Scope>, { owner, commonMetadata = {} }: DeclareOptions): Desired {
  const labelled = withOwner(withMetadata(object, commonMetadata), owner)
  const normal = withoutRetired(normalise(labelled))
  const isCluster = scopes.get(groupKind(identify(object))) === 'cluster'
  const placed = isCluster && normal.metadata.namespace !== undefined ? withoutNamespace(normal) : normal
  const ref = identify(placed)
  const body = Buffer.from(jsonOf(placed))
  const vanishes = ref.group === 'batch' && ref.kind === 'Job' && typeof fieldAt(placed, 'spec', 'ttlSecondsAfterFinished') === 'number'
  return { ref, id: inventoryId(ref), body, digest: shortDigest(body), switches: readSwitches(placed), vanishes }
}

function withoutNamespace(object: KubeObject): KubeObject {
  const { namespace: _unused, ...metadata } = object.metadata
  return { ...object, metadata }
}

/**
 * An apply takes these off the live object, so one that sent them would undo and redo its own work for ever. A manifest saved with
 * `kubectl get -o yaml` holds one.
 */
function withoutRetired(object: KubeObject): KubeObject {
  if (!hasRetired(object)) return object
  const { annotations, labels, ...metadata } = object.metadata
  const notes = withoutKeys(annotations, retired.annotations)
  const marks = withoutKeys(labels, retired.labels)
  return { ...object, metadata: { ...metadata, ...(notes && { annotations: notes }), ...(marks && { labels: marks }) } }
}

type Texts = Readonly<Record<string, string>>

/** Nothing at all where no entry is left: an empty map would be a field of its own. */
function withoutKeys(entries: Texts | undefined, keys: readonly string[]): Texts | undefined {
  const left = Object.entries(entries ?? {}).filter(([key]) => !keys.includes(key))
  return left.length === 0 ? undefined : Object.fromEntries(left)
}

async function scopesOf(objects: readonly KubeObject[], { discovery, signal }: DeclareOptions): Promise<ReadonlyMap<string, Scope>> {
  const defined = definedScopes(objects)
  const kinds = new Map(objects.map((object) => [groupKind(identify(object)), identify(object)]))
  const found = await Promise.all(
    [...kinds].map(async ([key, { group, kind, version }]): Promise<readonly [string, Scope]> => {
      const scope = defined.get(key)
      if (scope !== undefined) return [key, scope]
      // Any version tells: the scope belongs to the kind. An id of another scope would be a second name of a live object.
      const resource = (await discovery.resource({ group, kind, version }, signal)) ?? (await discovery.resource({ group, kind }, signal))
      if (resource === undefined) return [key, 'unknown']
      return [key, resource.namespaced ? 'namespaced' : 'cluster']
    }),
  )
  return new Map(found)
}

/** What CustomResourceDefinitions in the set say of the kinds that they define. */
function definedScopes(objects: readonly KubeObject[]): ReadonlyMap<string, Scope> {
  const definitions = objects.filter(({ kind, apiVersion }) => kind === 'CustomResourceDefinition' && apiVersion.startsWith('apiextensions.k8s.io/'))
  return new Map(
    definitions.map((definition) => {
      const [group, kind] = [fieldAt(definition, 'spec', 'group'), fieldAt(definition, 'spec', 'names', 'kind')]
      const scope = fieldAt(definition, 'spec', 'scope') === 'Cluster' ? 'cluster' : 'namespaced'
      return [groupKind({ group: String(group), kind: String(kind) }), scope] as const
    }),
  )
}

function refuseDuplicates(desired: readonly Desired[]): void {
  const seen = new Set<string>()
  const doubled = desired.filter(({ id }) => seen.has(id) || !seen.add(id))
  const [first] = doubled
  if (first === undefined) return
  const names = [...new Set(doubled.map(({ ref }) => showObject(ref)))].toSorted()
  throw new ApplyError(`declared more than once: ${names.join(', ')}`, { code: 'duplicate', refs: doubled.map(({ ref }) => ref) })
}
