import type { Kind } from '@weir/shared/api'
import { fieldAt } from '@weir/shared/manifest'
import { metadataAccept } from './calls.ts'
import { call, type Caller } from './connection/connection.ts'
import { collectionPath, withQuery } from './connection/paths.ts'
import { KubeError } from './kube-error.ts'
import { normalise } from './normalise.ts'
import type { KubeObject } from './objects.ts'

const pageSize = 500

/** Of objects so large that a page of 500 passes the limit of an answer. */
const smallPageSize = 25

const listAccept = metadataAccept.replace('PartialObjectMetadata', 'PartialObjectMetadataList')

export interface ListSpec<T> {
  readonly resource: Kind
  readonly namespace?: string | undefined
  readonly labelSelector?: string | undefined
  readonly fieldSelector?: string | undefined
  readonly metadataOnly?: boolean | undefined
  readonly managedFields?: boolean | undefined
  /** As it was at this resourceVersion, which some minutes later is KubeError 'gone'; default: as it is now. */
  readonly at?: string | undefined
  /** Called page by page, so that only what it returns is held. */
  readonly project: (object: KubeObject) => T
  readonly signal?: AbortSignal | undefined
}

export interface Listed<T> {
  readonly items: readonly T[]
  readonly resourceVersion: string
}

/** All pages of one consistent list. One that outlives its continue token (410) is read again in one piece, one of huge objects in small ones. */
export async function list<T>(caller: Caller, spec: ListSpec<T>): Promise<Listed<T>> {
  try {
    return await readPages(caller, spec, pageSize)
  } catch (error) {
    if (!(error instanceof KubeError)) throw error
    if (error.code === 'gone') return readPages(caller, spec, undefined)
    if (error.code === 'too-large') return readPages(caller, spec, smallPageSize)
    throw error
  }
}

async function readPages<T>(caller: Caller, spec: ListSpec<T>, limit: number | undefined): Promise<Listed<T>> {
  const { resource, namespace, labelSelector, fieldSelector, at, project, signal } = spec
  const moment = at === undefined ? {} : { resourceVersion: at, resourceVersionMatch: 'Exact' }
  const what = `list ${resource.plural}${resource.group === '' ? '' : `.${resource.group}`}`
  const items: T[] = []
  let next: string | undefined
  for (;;) {
    const { body } = await call(caller, {
      what,
      method: 'GET',
      path: withQuery(collectionPath(resource, namespace), { labelSelector, fieldSelector, limit, continue: next, ...(next === undefined ? moment : {}) }),
      headers: spec.metadataOnly === true ? { accept: listAccept } : {},
      signal,
    })
    const page = readPage(body, what)
    for (const object of page.items) items.push(project(normalise(object, spec)))
    if (page.next === '') return { items, resourceVersion: page.resourceVersion }
    next = page.next
  }
}

interface Page {
  readonly items: readonly unknown[]
  readonly next: string
  readonly resourceVersion: string
}

/** An answer that is no list must not read as an empty one: whatever is missing from a list counts as deleted. */
function readPage(body: unknown, what: string): Page {
  const [items, version, next] = [fieldAt(body, 'items'), fieldAt(body, 'metadata', 'resourceVersion'), fieldAt(body, 'metadata', 'continue')]
  const isEmpty = items === null && typeof version === 'string'
  if ((!Array.isArray(items) && !isEmpty) || typeof version !== 'string') throw new KubeError('server', `${what}: the answer is no list`)
  return { items: Array.isArray(items) ? items : [], resourceVersion: version, next: typeof next === 'string' ? next : '' }
}
