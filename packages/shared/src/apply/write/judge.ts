import { KubeError } from '@weir/shared/kube'
import type { KubeObject } from '@weir/shared/kube'
import { isFields, parseJson } from '@weir/shared/manifest'
import type { Fields, Owner } from '@weir/shared/manifest'
import { hasRetired } from '../fields/managed-fields.ts'
import { bit, has, liveSwitches } from '../live/entry.ts'
import { versionOf } from '../live/facts.ts'
import { isTrusted, sharerOf } from '../live/live-set.ts'
import { mayRecreate, mergesFields, readSwitches, skipsApply, switchBits } from '../switches.ts'
import type { Switches } from '../switches.ts'
import { explainRefusal, isTrouble, mayBeImmutable } from './refusal.ts'
import { sendApply } from './writing.ts'
import type { Subject, Writing } from './writing.ts'

/** What is to be done with one object; nothing was written yet. */
export type Verdict =
  | { readonly kind: 'skip'; readonly byUs: boolean }
  | {
      readonly kind: 'apply'
      /** resourceVersion before; 0: it does not exist. */
      readonly before: number
      /** From the live set, which may be a moment behind. */
      readonly isKnown: boolean
      /** Other writers' fields are taken over first. */
      readonly takesOver: boolean
      readonly merges: boolean
      readonly sharedWith: Owner | undefined
    }
  | { readonly kind: 'recreate'; readonly uid: string }

/** From what the live set knows, without a call; undefined where it does not know enough. */
export function judgeKnown({ state }: Writing, { entry, desired }: Subject): Verdict | undefined {
  if (skipsApply(desired.switches, undefined)) return { kind: 'skip', byUs: true }
  if (!isTrusted(entry) || !has(entry, bit.present)) return undefined
  const live = liveSwitches(entry)
  if (skipsApply(desired.switches, live)) return { kind: 'skip', byUs: skipsApply(desired.switches, 0) }
  const merges = mergesFields(desired.switches, live)
  return { kind: 'apply', before: entry.version, isKnown: true, takesOver: has(entry, bit.overridden) && !merges, merges, sharedWith: sharerOf(state, entry) }
}

/** Asks the API server: a dry run, whose answer is also the read of the live object. Throws ApplyError, or the signal's reason. */
export async function judgeByDryRun(writing: Writing, subject: Subject, signal: AbortSignal): Promise<Verdict> {
  const { desired, entry } = subject
  if (skipsApply(desired.switches, undefined)) return { kind: 'skip', byUs: true }
  if ((desired.switches & switchBits.ssaIfNotPresent) !== 0 && (await readLive(writing, subject, signal)) !== undefined) return { kind: 'skip', byUs: false }
  try {
    const answer = await sendApply(writing, subject, { dryRun: true, metadataOnly: true, signal })
    // The answer shows labels and annotations after our apply: where the live set saw them before, that is the truth.
    const live = isTrusted(entry) && has(entry, bit.present) ? liveSwitches(entry) : readSwitches(answer)
    return judgeAnswer(writing, subject, { answer, live })
  } catch (error) {
    signal.throwIfAborted()
    return judgeRefusal(writing, subject, { error, signal })
  }
}

function judgeAnswer({ state }: Writing, { desired, entry }: Subject, { answer, live }: { answer: KubeObject; live: Switches }): Verdict {
  // What a dry run would create has a uid, but no resourceVersion.
  const before = versionOf(answer.metadata.resourceVersion)
  if (before === 0) return { kind: 'apply', before, isKnown: false, takesOver: false, merges: mergesFields(desired.switches, 0), sharedWith: undefined }
  if (skipsApply(desired.switches, live)) return { kind: 'skip', byUs: false }
  const merges = mergesFields(desired.switches, live)
  const isForeign = (answer.metadata.managedFields ?? []).some(state.isOverridden) || hasRetired(answer)
  return { kind: 'apply', before, isKnown: false, takesOver: isForeign && !merges, merges, sharedWith: sharerOf(state, entry) }
}

/** One read before the verdict: the live object may ask to be left alone, or to be made anew. Throws the refusal otherwise. */
export async function judgeRefusal(writing: Writing, subject: Subject, { error, signal }: { error: unknown; signal: AbortSignal }): Promise<Verdict> {
  const { desired } = subject
  const refusal = explainRefusal(error, { desired, attempt: 'dry-run', mask: writing.mask })
  if (!(error instanceof KubeError) || isTrouble(error)) throw refusal
  const live = await readLive(writing, subject, signal)
  if (live === undefined) throw refusal
  const switches = readSwitches(live)
  if (skipsApply(desired.switches, switches)) return { kind: 'skip', byUs: false }
  if (!writing.force && !mayRecreate(desired.switches, switches)) throw refusal
  if (!mayBeImmutable(error) || !(await couldBeCreated(writing, subject, signal))) throw refusal
  return { kind: 'recreate', uid: live.metadata.uid ?? '' }
}

/** Its metadata; undefined: there is no such object, with our labels or without. Throws ApplyError, or the signal's reason. */
export async function readLive(writing: Writing, { desired, target }: Subject, signal: AbortSignal): Promise<KubeObject | undefined> {
  try {
    return await writing.limit(() => writing.kube.get(target, { signal, metadataOnly: true }))
  } catch (error) {
    signal.throwIfAborted()
    throw explainRefusal(error, { desired, attempt: 'dry-run', mask: writing.mask })
  }
}

/**
 * Invalid may mean "not as an update", "not at all", or both. An object that is not valid at all must not be deleted: it
 * would be lost. So the same object is tried under a name that nobody has.
 */
async function couldBeCreated(writing: Writing, { desired, target }: Subject, signal: AbortSignal): Promise<boolean> {
  const twin = twinOf(parseJson(desired.body.toString()))
  if (twin === undefined) return false
  try {
    await writing.limit(() => writing.kube.create(target.resource, twin, { manager: writing.state.manager, dryRun: true, metadataOnly: true, signal }))
    return true
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof KubeError && !isTrouble(error)) return isAboutTwin(error)
    throw explainRefusal(error, { desired, attempt: 'dry-run', mask: writing.mask })
  }
}

/** Without its name, and without what the object that is still there holds: addresses and ports. */
function twinOf(body: unknown): Fields | undefined {
  if (!isFields(body) || !isFields(body['metadata'])) return undefined
  const { name: _name, ...metadata } = body['metadata']
  const twin: Fields = { ...body, metadata: { ...metadata, generateName: 'weir-recreate-' } }
  const spec = twin['spec']
  if (body['kind'] !== 'Service' || !isFields(spec)) return twin
  const { clusterIP: _ip, clusterIPs: _ips, healthCheckNodePort: _check, ...rest } = spec
  const ports = Array.isArray(rest['ports']) ? rest['ports'].map(withoutNodePort) : undefined
  return { ...twin, spec: { ...rest, ...(ports && { ports }) } }
}

function withoutNodePort(port: unknown): unknown {
  if (!isFields(port)) return port
  const { nodePort: _unused, ...rest } = port
  return rest
}

/** Refused because of its name or because there would be two of them: as itself it could be created. */
function isAboutTwin(error: KubeError): boolean {
  if (error.code === 'forbidden') return /exceeded quota/.test(error.message)
  const fields = error.causes.map(({ field = '' }) => field)
  return fields.length > 0 && fields.every((field) => field === 'metadata.name' || field === 'metadata.generateName')
}
