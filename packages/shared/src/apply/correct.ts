import type { Kube, KubeObject } from '@weir/shared/kube'
import { compareForApply, showOwner } from '@weir/shared/manifest'
import type { Fields, ObjectRef, Owner } from '@weir/shared/manifest'
import { ApplyError } from './apply-error.ts'
import { blame } from './fields/blame.ts'
import type { Blame } from './fields/blame.ts'
import type { Desired } from './declare.ts'
import type { Fights, FightVerdict } from './fights.ts'
import { ourEntry } from './fields/managed-fields.ts'
import type { DriftCause } from './live/drift.ts'
import { bit, has, liveSwitches } from './live/entry.ts'
import { versionOf } from './live/facts.ts'
import { isTrusted } from './live/live-set.ts'
import type { LiveSet, Suspect } from './live/live-set.ts'
import { failWrite } from './live/observe.ts'
import { mergesFields, readSwitches, skipsApply } from './switches.ts'
import type { Switches } from './switches.ts'
import { readLive } from './write/judge.ts'
import type { Verdict } from './write/judge.ts'
import { fulfilled, rejected, settleAll, unlimited } from './write/parallel.ts'
import type { Limiter } from './write/parallel.ts'
import type { Mask } from './write/refusal.ts'
import { writeObject } from './write/write-object.ts'
import { toSubject } from './write/writing.ts'
import type { Subject, Writing } from './write/writing.ts'

export interface CorrectOptions {
  readonly owner: Owner
  /** What the owner declares; only what is suspect is written. */
  readonly desired: readonly Desired[]
  readonly kube: Kube
  readonly live: LiveSet
  readonly fights: Fights
  /** `spec.interval`: no correction waits longer. */
  readonly intervalMs: number
  /** Monotonic: by a wall clock that is set back, the last correction would lie in the future. */
  readonly nowMs: number
  /** Default 4. */
  readonly concurrency?: number
  readonly limit?: Limiter
  readonly mask?: Mask
  readonly signal: AbortSignal
}

/** `undrifted`: the suspicion was wrong, the object is as declared. `skipped`: a live switch says to leave it alone. */
export interface Correction extends Blame {
  readonly ref: ObjectRef
  readonly cause: DriftCause
  readonly outcome: 'corrected' | 'undrifted' | 'skipped'
  /** Corrected for the third time within ten minutes: worth a Warning `DriftContested` that names `by` and `paths`. */
  readonly contested: boolean
}

export interface CorrectResult {
  readonly corrections: readonly Correction[]
  /** Objects that were refused; they count as never applied, so that the next full apply tests them. */
  readonly failures: readonly ApplyError[]
  /** Objects that were corrected a moment ago are left for so long; undefined: none. */
  readonly againMs: number | undefined
}

/**
 * Corrects what is suspect: one apply each, no dry run. Before it one patch of managedFields if an overridden writer wrote, and one read
 * if the object has moved since, or if no watch shows it. Status is nobody's business here. Rejects with the signal's reason.
 */
export async function correctDrift(options: CorrectOptions): Promise<CorrectResult> {
  const { owner, desired, live, signal, nowMs } = options
  const declared = new Map(desired.map((at) => [at.id, at]))
  const plans = live.suspects(owner).flatMap((suspect): readonly Plan[] => {
    const wanted = declared.get(suspect.id)
    return wanted === undefined ? [] : [{ suspect, desired: wanted, fight: options.fights.judge(suspect.id, nowMs, options.intervalMs) }]
  })
  const due = plans.filter(({ fight }) => fight.waitMs === 0)
  const answers = new Map<string, Fields | undefined>()
  const writing = createWriting(options, (at, answer) => answers.set(at.id, ourEntry(answer.metadata.managedFields, live.state.manager)?.fieldsV1))
  const results = await settleAll(due, options.concurrency ?? 4, (plan) => correctOne({ writing, options, answers }, plan))
  signal.throwIfAborted()
  const errors = rejected(results)
  const bug = errors.find((error) => !(error instanceof ApplyError))
  if (bug instanceof Error) throw bug
  const waits = plans.map(({ fight }) => fight.waitMs).filter((ms) => ms > 0)
  return {
    corrections: fulfilled(results).toSorted((a, b) => compareForApply(a.ref, b.ref)),
    failures: errors.filter((error) => error instanceof ApplyError),
    againMs: waits.length === 0 ? undefined : Math.min(...waits),
  }
}

interface Plan {
  readonly suspect: Suspect
  readonly desired: Desired
  readonly fight: FightVerdict
}

interface Correcting {
  readonly writing: Writing
  readonly options: CorrectOptions
  readonly answers: ReadonlyMap<string, Fields | undefined>
}

async function correctOne({ writing, options, answers }: Correcting, { suspect, desired, fight }: Plan): Promise<Correction> {
  const { signal, fights, nowMs } = options
  const subject = await toSubject(writing, desired, signal)
  const found = writing.state.suspicions.get(subject.entry)?.facts
  const verdict = await judgeSuspect(writing, subject, signal)
  const change = await writeObject(writing, { subject, verdict }, signal)
  const isCorrected = change.action === 'created' || change.action === 'configured'
  if (isCorrected) fights.corrected(suspect.id, nowMs)
  const blamed = isCorrected ? blame(found, answers.get(desired.id)) : { by: undefined, paths: [] }
  const outcome = isCorrected ? 'corrected' : 'undrifted'
  return { ref: desired.ref, cause: suspect.cause, outcome: change.action === 'skipped' ? 'skipped' : outcome, contested: isCorrected && fight.contested, ...blamed }
}

async function judgeSuspect(writing: Writing, subject: Subject, signal: AbortSignal): Promise<Verdict> {
  const { switches } = subject.desired
  if (skipsApply(switches, undefined)) return { kind: 'skip', byUs: true }
  const live = await lookAt(writing, subject, signal)
  if (skipsApply(switches, live?.switches)) return { kind: 'skip', byUs: false }
  const merges = mergesFields(switches, live?.switches)
  return { kind: 'apply', before: live?.version ?? 0, isKnown: true, takesOver: live?.overridden === true && !merges, merges, sharedWith: undefined }
}

interface Live {
  readonly switches: Switches
  readonly version: number
  /** An overridden writer has fields, as far as the watch has shown. */
  readonly overridden: boolean
}

/**
 * The live object, from the watch. What the watch does not show is read: it may have lost our labels and live on, under a switch that
 * protects it. Throws ApplyError, or the signal's reason.
 */
async function lookAt(writing: Writing, subject: Subject, signal: AbortSignal): Promise<Live | undefined> {
  const { entry } = subject
  const isShown = has(entry, bit.present)
  const overridden = isShown && has(entry, bit.overridden)
  if (isShown && isTrusted(entry)) return { switches: liveSwitches(entry), version: entry.version, overridden }
  try {
    const object = await readLive(writing, subject, signal)
    return object && { switches: readSwitches(object), version: versionOf(object.metadata.resourceVersion), overridden }
  } catch (error) {
    failWrite(writing.state, entry)
    throw error
  }
}

function createWriting({ kube, live, owner, limit, mask }: CorrectOptions, onAnswer: (desired: Desired, answer: KubeObject) => void): Writing {
  return {
    kube,
    state: live.state,
    holderKey: showOwner(owner),
    force: false,
    limit: limit ?? unlimited,
    mask: mask ?? ((text) => text),
    onAnswer,
  }
}
