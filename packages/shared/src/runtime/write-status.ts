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
  const { table, kube, clock, observe } = options
  const { fieldManager, finalizer } = table
  const targetOf = (key: Key): Parameters<Kube['get']>[0] => ({ resource: table.kind, namespace: key.namespace, name: key.name })

  async function send(key: Key, body: Patch, where: { readonly subresource?: 'status'; readonly signal?: AbortSignal | undefined }): Promise<KubeObject> {
    const { subresource, signal } = where
    const answer = await kube.patch(targetOf(key), {
      type: 'merge',
      body,
      manager: fieldManager,
      ...(subresource ? { subresource } : {}),
      ...(signal ? { signal } : {}),
    })
    observe(answer)
    return answer
  }

  async function readAgain(key: Key, uid: string | undefined, signal?: AbortSignal): Promise<KubeObject | undefined> {
    const read = await kube.get(targetOf(key), signal ? { signal } : {})
    if (read === undefined || read.metadata.uid !== uid) return undefined
    observe(read)
    return read
  }

  /** `makePatch` judges the newest object; undefined from it means there is nothing to send. */
  async function patchUntilAccepted(key: Key, object: KubeObject, attempt: Attempt): Promise<Written | undefined> {
    let known = object
    for (let tried = 1; ; tried++) {
      const patch = attempt.makePatch(known)
      if (patch === undefined) return { object: known, sent: false }
      const metadata = { ...patch.metadata, resourceVersion: known.metadata.resourceVersion }
      try {
        return { object: await send(key, { ...patch, metadata }, attempt), sent: true }
      } catch (error) {
        if (isGone(error)) return undefined
        if (!isConflict(error) || tried === tries) throw error
      }
      if (tried > 1) await clock.sleep(conflictPauseMs, attempt.signal)
      const again = await readAgain(key, object.metadata.uid, attempt.signal)
      if (again === undefined) return undefined
      known = again
    }
  }

  return {
    status: (key, { object, derive, signal }) =>
      patchUntilAccepted(key, object, {
        subresource: 'status',
        signal,
        makePatch(known) {
          // The raw object is the base: fields of a newer version that our decoder drops are carried over.
          const status = mergePatch(known.status, derive(known as unknown as O))
          return status === undefined ? undefined : { status }
        },
      }),
    async addFinalizer(key, object, signal) {
      const written = await patchUntilAccepted(key, object, {
        signal,
        makePatch: ({ metadata: { finalizers = [], deletionTimestamp } }) =>
          finalizers.includes(finalizer) || deletionTimestamp ? undefined : { metadata: { finalizers: [...finalizers, finalizer] } },
      })
      return written?.object
    },
    async removeFinalizer(key, object, signal) {
      await patchUntilAccepted(key, object, {
        signal,
        makePatch: ({ metadata: { finalizers = [] } }) =>
          finalizers.includes(finalizer) ? { metadata: { finalizers: finalizers.filter((each) => each !== finalizer) } } : undefined,
      })
    },
  }
}

interface Attempt {
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
