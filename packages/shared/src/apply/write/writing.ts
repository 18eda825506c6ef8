import type { Kube, KubeObject, Resource, Target } from '@weir/shared/kube'
import { KubeError } from '@weir/shared/kube'
import type { Desired } from '../declare.ts'
import type { Entry } from '../live/entry.ts'
import { findEntry } from '../live/state.ts'
import type { State } from '../live/state.ts'
import { misnamed, noKind, noNamespace } from './refusal.ts'
import type { Mask } from './refusal.ts'
import type { Limiter } from './parallel.ts'

/** What all writes of one run share. */
export interface Writing {
  /** As the identity that writes. */
  readonly kube: Kube
  readonly state: State
  /** `namespace/name` of the owner. */
  readonly holderKey: string
  /** `spec.force`. */
  readonly force: boolean
  readonly limit: Limiter
  readonly mask: Mask
  /** The health of what is written is asked for at once. */
  readonly waits?: boolean
  /** Told what each write was answered, before the body is dropped. */
  readonly onAnswer?: (desired: Desired, answer: KubeObject) => void
}

/** One object of a run: held by the owner, its kind looked up. */
export interface Subject {
  readonly desired: Desired
  readonly entry: Entry
  readonly target: Target & { readonly resource: Resource }
}

/** Throws ApplyError `no-kind`. */
export async function toSubject(writing: Writing, desired: Desired, signal: AbortSignal): Promise<Subject> {
  const { group, kind, version, namespace, name } = desired.ref
  const resource = await writing.kube.discovery.resource({ group, kind, version }, signal)
  if (resource === undefined) throw noKind(desired)
  if (resource.namespaced && namespace === '') throw noNamespace(desired)
  if (!resource.namespaced && namespace !== '') throw misnamed(desired)
  const entry = findEntry(writing.state, writing.holderKey, desired.id)
  if (entry === undefined) throw new Error(`${desired.id} is not held by ${writing.holderKey}`)
  entry.kind.resource ??= resource // the live set's own look-up may still be on its way
  return { desired, entry, target: { resource, namespace, name } }
}

export interface SendOptions {
  readonly dryRun: boolean
  /** Answers with the metadata alone: what says all that is asked, at half the bytes. */
  readonly metadataOnly: boolean
  readonly signal: AbortSignal
}

export function sendApply(writing: Writing, { desired, target }: Subject, options: SendOptions): Promise<KubeObject> {
  const { manager } = writing.state
  return retryConflicts(() => writing.limit(() => writing.kube.apply(target, desired.body, { manager, force: true, ...options })))
}

/** The server gave up on a race with another writer; ownership is never the reason, since we force it. */
export async function retryConflicts<T>(call: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call()
    } catch (error) {
      if (!(error instanceof KubeError) || error.code !== 'conflict' || attempt === conflictTries) throw error
    }
  }
}

const conflictTries = 5
