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
import type { LiveSet, Suspect } from './live/live-set.ts'
import { mergesFields, skipsApply } from './switches.ts'
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
 * Corrects what is suspect: one apply each, no dry run, and before it one read and one patch of managedFields if an
 * overridden writer wrote. Status is nobody's business here. Rejects with the signal's reason.
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
  const change = await writeObject(writing, { subject, verdict: judgeSuspect(subject) }, signal)
  const isCorrected = change.action === 'created' || change.action === 'configured'
  if (isCorrected) fights.corrected(suspect.id, nowMs)
  const blamed = isCorrected ? blame(found, answers.get(desired.id)) : { by: undefined, paths: [] }
  const outcome = isCorrected ? 'corrected' : 'undrifted'
  return { ref: desired.ref, cause: suspect.cause, outcome: change.action === 'skipped' ? 'skipped' : outcome, contested: isCorrected && fight.contested, ...blamed }
}

function judgeSuspect({ entry, desired }: Subject): Verdict {
  const live = has(entry, bit.present) ? liveSwitches(entry) : undefined
  if (skipsApply(desired.switches, live)) return { kind: 'skip', byUs: skipsApply(desired.switches, undefined) }
  const merges = mergesFields(desired.switches, live)
  const takesOver = live !== undefined && has(entry, bit.overridden) && !merges
  return { kind: 'apply', before: live === undefined ? 0 : entry.version, isKnown: true, takesOver, merges, sharedWith: undefined }
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
