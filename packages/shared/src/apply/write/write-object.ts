import type { KubeObject } from '@weir/shared/kube'
import { showObject } from '@weir/shared/manifest'
import { ApplyError } from '../apply-error.ts'
import type { Action, Change } from '../change.ts'
import { takeOverPatch } from '../fields/managed-fields.ts'
import type { JsonPatchStep } from '../fields/managed-fields.ts'
import { bit, has, put } from '../live/entry.ts'
import { versionOf } from '../live/facts.ts'
import { isWaited } from '../live/holding.ts'
import { beginWrite, endWrite, failWrite, readFacts, skipWrite } from '../live/observe.ts'
import { mergesFields } from '../switches.ts'
import type { Verdict } from './judge.ts'
import { judgeRefusal } from './judge.ts'
import { explainRefusal } from './refusal.ts'
import { hasSameContent } from './same-content.ts'
import { sleep } from './sleep.ts'
import { retryConflicts, sendApply } from './writing.ts'
import type { Subject, Writing } from './writing.ts'

/** Carries out a verdict. The live set then holds what the answer showed. Throws ApplyError, or the signal's reason. */
export async function writeObject(writing: Writing, { subject, verdict }: Judged, signal: AbortSignal): Promise<Change> {
  const { desired, entry } = subject
  put(entry, bit.vanishes, desired.vanishes)
  if (verdict.kind === 'skip') {
    skipWrite(writing.state, entry, { digest: desired.digest, byUs: verdict.byUs })
    return { ref: desired.ref, action: 'skipped' }
  }
  beginWrite(entry)
  try {
    return await send(writing, { subject, verdict }, signal)
  } catch (error) {
    failWrite(writing.state, entry)
    signal.throwIfAborted()
    // Without a dry run the apply was the test: what it says is judged like a refused dry run.
    const isTest = verdict.kind === 'apply' && verdict.isKnown
    if (isTest) return writeObject(writing, { subject, verdict: await judgeRefusal(writing, subject, { error, signal }) }, signal)
    throw explainRefusal(error, { desired, attempt: 'apply', mask: writing.mask })
  }
}

export interface Judged {
  readonly subject: Subject
  readonly verdict: Verdict
}

async function send(writing: Writing, { subject, verdict }: { subject: Subject; verdict: Exclude<Verdict, { kind: 'skip' }> }, signal: AbortSignal): Promise<Change> {
  const { desired, entry } = subject
  const isNew = verdict.kind === 'recreate'
  const { object, action } = isNew ? await recreate(writing, { subject, uid: verdict.uid }, signal) : await write(writing, { subject, verdict }, signal)
  const merges = isNew ? mergesFields(desired.switches, 0) : verdict.merges
  writing.onAnswer?.(desired, object)
  endWrite(writing.state, entry, { object, whole: wantsHealth(writing, subject), digest: desired.digest, merges })
  return { ref: desired.ref, action, ...(!isNew && verdict.sharedWith && { sharedWith: verdict.sharedWith }) }
}

interface Written {
  readonly object: KubeObject
  readonly action: Action
}

type ApplyVerdict = Extract<Verdict, { kind: 'apply' }>

async function write(writing: Writing, { subject, verdict }: { subject: Subject; verdict: ApplyVerdict }, signal: AbortSignal): Promise<Written> {
  if (verdict.takesOver) await takeOver(writing, subject, signal)
  const object = await sendApply(writing, subject, { dryRun: false, metadataOnly: !wantsHealth(writing, subject), signal })
  if (verdict.before === 0) return { object, action: 'created' }
  const isUntouched = await changedNothing(writing, { subject, verdict, object }, signal)
  return { object, action: isUntouched ? 'unchanged' : 'configured' }
}

/** Whether our apply changed nothing. Another's write to status moves the resourceVersion, too, if the live set lags behind it. */
async function changedNothing(writing: Writing, { subject, verdict, object }: { subject: Subject; verdict: ApplyVerdict; object: KubeObject }, signal: AbortSignal): Promise<boolean> {
  const { entry } = subject
  if (versionOf(object.metadata.resourceVersion) === verdict.before) return true
  if (!verdict.isKnown || verdict.takesOver || entry.applied !== undefined || has(entry, bit.suspect)) return false
  const { generation, fields, fieldsAt } = readFacts(writing.state, entry.kind, { object, whole: false })
  if (generation !== entry.generation) return false
  if (fields === entry.fields && fieldsAt === entry.fieldsAt) return true
  return hasSameContent(writing, subject, { before: verdict.before, signal })
}

/**
 * The fields of overridden writers become ours, so that the apply after it removes those that are not declared. The event that made the
 * object suspect says what to patch; it is read only if it has moved since, or nothing was seen.
 */
async function takeOver(writing: Writing, { target, entry }: Subject, signal: AbortSignal): Promise<void> {
  const { kube, state, limit } = writing
  const read = async (): Promise<readonly JsonPatchStep[] | undefined> => {
    const live = await limit(() => kube.get(target, { signal }))
    return live && takeOverPatch(live, state.manager, state.isOverridden)
  }
  const seen = state.suspicions.get(entry)?.facts
  const told = { body: seen?.version === entry.version ? seen.takeOver : undefined }
  await retryConflicts(async () => {
    const body = told.body ?? (await read())
    told.body = undefined
    if (body !== undefined) await limit(() => kube.patch(target, { type: 'json', body, manager: state.manager, metadataOnly: true, signal }))
  })
}

/** How long a deleted object may take to go before its successor is given up. */
const recreateMs = 60_000
const firstPauseMs = 100
const longestPauseMs = 2_000

async function recreate(writing: Writing, { subject, uid }: { subject: Subject; uid: string }, signal: AbortSignal): Promise<Written> {
  const { kube, limit } = writing
  const { target } = subject
  await limit(() => kube.delete(target, { propagation: 'Background', signal, ...(uid !== '' && { uid }) }))
  const end = performance.now() + recreateMs
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    const live = await limit(() => kube.get(target, { signal, metadataOnly: true }))
    if (live === undefined || live.metadata.uid !== uid) break
    if (performance.now() > end) {
      const { ref } = subject.desired
      throw new ApplyError(`${showObject(ref)} apply failed: it is still being deleted, so that it cannot be created anew`, { code: 'refused', refs: [ref] })
    }
    // The live set's watch may belong to another identity or be down; the object is gone within a second almost always.
    await sleep(pauseMs, signal)
  }
  const object = await sendApply(writing, subject, { dryRun: false, metadataOnly: !wantsHealth(writing, subject), signal })
  return { object, action: 'created' }
}

/** Somebody waits for the object, and its kind tells how it is: the answer must hold its status. */
function wantsHealth({ waits = false }: Writing, { entry, target }: Subject): boolean {
  const isPlain = target.resource.group === '' && (target.resource.kind === 'Secret' || target.resource.kind === 'ConfigMap')
  return !isPlain && target.resource.status && (waits || isWaited(entry))
}
