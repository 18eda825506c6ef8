import { isDeepStrictEqual } from 'node:util'
import { KubeError, type Kube, type KubeObject } from '@weir/shared/kube'
import type { Clock } from './clock.ts'
import type { KindTable, Reconcilable } from './kind-table.ts'
import type { Key } from './wake.ts'

const tries = 5
const conflictPauseMs = 100

export interface StatusWrite<O extends Reconcilable> {
  /** What is known of the object; read again on a conflict. */
  readonly object: KubeObject
  readonly derive: (object: O) => NonNullable<O['status']>
  readonly signal?: AbortSignal
}

export interface Written {
  readonly object: KubeObject
  /** False: the status was already what it should be, nothing was sent. */
  readonly sent: boolean
}

/** Writes to one kind's own objects: status and finalizers, each bound to the resourceVersion that was judged. */
export interface Writer<O extends Reconcilable> {
  /** Undefined when the object is gone, or another one of the same name took its place. Throws KubeError. */
  status(key: Key, write: StatusWrite<O>): Promise<Written | undefined>
  addFinalizer(key: Key, object: KubeObject, signal?: AbortSignal): Promise<KubeObject | undefined>
  removeFinalizer(key: Key, object: KubeObject, signal?: AbortSignal): Promise<void>
}

export interface WriterOptions<O extends Reconcilable> {
  readonly table: KindTable<O>
  readonly kube: Kube
  readonly clock: Clock
  /** Told of every answer, so that we read our own writes. */
  observe(object: KubeObject): void
}

type Patch = Readonly<Record<string, unknown>>

/** One JSON merge patch an answer; on 409 the object is read again and the patch derived again, five times in all. */
export function createWriter<O extends Reconcilable>(options: WriterOptions<O>): Writer<O> {
  const { finalizer } = options.table
  return {
    status: (key, { object, derive, signal }) =>
      patchUntilAccepted(options, object, {
        key,
        subresource: 'status',
        signal,
        makePatch(known) {
          // The raw object is the base: fields of a newer version that our decoder drops are carried over.
          const status = mergePatch(known.status, derive(known as unknown as O))
          return status === undefined ? undefined : { status }
        },
      }),
    async addFinalizer(key, object, signal) {
      const written = await patchUntilAccepted(options, object, {
        key,
        signal,
        makePatch: ({ metadata: { finalizers = [], deletionTimestamp } }) =>
          finalizers.includes(finalizer) || deletionTimestamp ? undefined : { metadata: { finalizers: [...finalizers, finalizer] } },
      })
      return written?.object
    },
    async removeFinalizer(key, object, signal) {
      await patchUntilAccepted(options, object, {
        key,
        signal,
        makePatch: ({ metadata: { finalizers = [] } }) =>
          finalizers.includes(finalizer) ? { metadata: { finalizers: finalizers.filter((each) => each !== finalizer) } } : undefined,
      })
    },
  }
}

type Connection = Pick<WriterOptions<Reconcilable>, 'kube' | 'clock' | 'observe'> & { readonly table: Pick<KindTable<Reconcilable>, 'kind' | 'fieldManager'> }

/** `makePatch` judges the newest object; undefined from it means there is nothing to send. */
async function patchUntilAccepted(connection: Connection, object: KubeObject, attempt: Attempt): Promise<Written | undefined> {
  let known = object
  for (let tried = 1; ; tried++) {
    const patch = attempt.makePatch(known)
    if (patch === undefined) return { object: known, sent: false }
    const metadata = { ...patch.metadata, resourceVersion: known.metadata.resourceVersion }
    try {
      return { object: await send(connection, attempt, { ...patch, metadata }), sent: true }
    } catch (error) {
      if (isGone(error)) return undefined
      if (!isConflict(error) || tried === tries) throw error
    }
    attempt.signal?.throwIfAborted() // whoever wrote meanwhile knows better
    if (tried > 1) await connection.clock.sleep(conflictPauseMs, attempt.signal)
    const again = await readAgain(connection, attempt, object.metadata.uid)
    if (again === undefined) return undefined
    known = again
  }
}

async function send({ kube, table, observe }: Connection, { key, subresource, signal }: Attempt, body: Patch): Promise<KubeObject> {
  const answer = await kube.patch(
    { resource: table.kind, ...key },
    { type: 'merge', body, manager: table.fieldManager, ...(subresource ? { subresource } : {}), ...(signal ? { signal } : {}) },
  )
  const { deletionTimestamp, finalizers = [] } = answer.metadata
  if (deletionTimestamp === undefined || finalizers.length > 0) observe(answer) // else this write let it go: the watch tells
  return answer
}

async function readAgain({ kube, table, observe }: Connection, { key, signal }: Attempt, uid: string | undefined): Promise<KubeObject | undefined> {
  const read = await kube.get({ resource: table.kind, ...key }, signal ? { signal } : {})
  if (read === undefined || read.metadata.uid !== uid) return undefined
  observe(read)
  return read
}

interface Attempt {
  readonly key: Key
  readonly subresource?: 'status'
  readonly signal?: AbortSignal | undefined
  makePatch(known: KubeObject): { readonly metadata?: Patch; readonly status?: unknown } | undefined
}

/** JSON merge patch (RFC 7386) from one value to another: lists are whole, absent is null. Undefined when they are equal. */
export function mergePatch(before: unknown, after: unknown): unknown {
  if (isDeepStrictEqual(before, after)) return undefined
  if (!isRecord(before) || !isRecord(after)) return after
  const patch: Record<string, unknown> = {}
  for (const key of Object.keys(before)) if (!(key in after)) patch[key] = null
  for (const [key, value] of Object.entries(after)) {
    const part = mergePatch(before[key], value)
    if (part !== undefined) patch[key] = part
  }
  return patch
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isConflict(error: unknown): boolean {
  return error instanceof KubeError && error.code === 'conflict'
}

function isGone(error: unknown): boolean {
  return error instanceof KubeError && error.code === 'not-found'
}
