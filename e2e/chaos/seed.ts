import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { gitRepositoryKind, kustomizationKind, type Kind } from '@weir/shared/api'
import type { AuditEntry, AuditTail } from '@weir/shared/control-plane'
import { findTemporary, readPublicTexts } from '../aftermath.ts'
import { findCanaries, findWrongDeletions } from '../invariants.ts'
import { tailFiles } from './eavesdrop.ts'
import { renderExpected } from './expected.ts'
import { places } from './fault-plan.ts'
import { judgeEndState, listOwned, ownedKinds } from './judge.ts'
import { finalUnits, type Plan } from './plan.ts'
import { act, canariesOf, insist, install, look, nudge, unready, type Run } from './run-seed.ts'
import { namespaces } from './stand-in.ts'
import type { World } from './world.ts'

export interface SeedReport {
  readonly seed: number
  /** None is how it should be. */
  readonly violations: readonly string[]
  readonly seconds: number
  readonly kustomizations: number
  /** Processes that ended by SIGKILL, those that did it themselves at a step included. */
  readonly kills: number
  /** Injections by kind, and edits, pauses and the like by what they are. */
  readonly faults: Readonly<Record<string, number>>
}

/** What one world keeps between seeds: how far its logs were read. */
export interface Course {
  readonly world: World
  readonly audit: AuditTail
  readonly logs: ReturnType<typeof tailFiles>
  readonly settleMs: number
  /** Where secrets were looked for, and there was something to look at. */
  readonly heard: Set<Channel>
}

export const channels = ['logs', 'events', 'metrics of source-controller', 'metrics of kustomize-controller', 'traces', 'bus'] as const
export type Channel = (typeof channels)[number]

/** Of a text's name. Statuses are judged while their objects live. */
function channelOf(name: string): Channel | undefined {
  if (name.startsWith('Event ')) return 'events'
  return name.startsWith('/') ? 'logs' : channels.find((channel) => channel === name)
}

/** No secret was read where nothing was read. */
export function findSilent({ heard }: Course): readonly Channel[] {
  return channels.filter((channel) => !heard.has(channel))
}

/** `settleMs`: how long a fleet may take to converge once all is calm; far more than it needs, as machines are busy. */
export async function startCourse(world: World, settleMs = 120_000): Promise<Course> {
  return { world, audit: await world.platform.cluster.tailAudit(), logs: tailFiles(), settleMs, heard: new Set() }
}

/** Runs one plan from an empty cluster to an empty cluster. Rejects only if the world itself is broken. */
export async function runSeed(course: Course, plan: Plan): Promise<SeedReport> {
  const startedMs = performance.now()
  const { world } = course
  const before = new Map(places.map((place) => [place, world.proxies[place].injected().length]))
  await world.setClock(0) // an earlier seed may have left it elsewhere
  const mirrors = new Set(await findMirrors(world.platform.dir))
  const run = await install(world, plan)
  for (const { afterMs, act: next } of plan.steps) {
    await pause(afterMs)
    await act(run, next)
    await look(run).catch(() => undefined) // for the statuses in between; the API server may be away
  }
  world.calm()
  await nudge(run)
  const converged = await within(course.settleMs, () => unready(run))
  for (const each of converged) run.violations.add(each)
  if (converged.length === 0) await judgeEnd(run, course)
  await empty(run, course)
  for (const wrong of await within(5_000, () => findStored(run, mirrors))) run.violations.add(wrong)
  for (const name of await within(5_000, () => findTemporary(world.platform))) run.violations.add(`left on disk at rest: ${name}`)
  await judgeTraces(run, course)
  const injected = places.flatMap((place) => world.proxies[place].injected().slice(before.get(place)))
  const faults: Record<string, number> = {}
  const count = (kind: string): void => void (faults[kind] = (faults[kind] ?? 0) + 1)
  for (const { fault } of injected) count(fault.kind === 'status' ? `status ${fault.status}` : fault.kind)
  for (const { act: done } of plan.steps) if (done.kind !== 'commit' && done.kind !== 'settle') count(done.kind === 'kill' || done.kind === 'pause' ? `${done.kind} ${done.whom}` : done.kind)
  return { seed: plan.seed, violations: [...run.violations].sort(), seconds: Math.round((performance.now() - startedMs) / 10) / 100, kustomizations: plan.fleet.units.length, kills: world.takeKills(), faults }
}

/** Asks until nothing is wrong, or time is up: then what is still wrong. */
async function within(ms: number, wrong: () => Promise<readonly string[]>): Promise<readonly string[]> {
  const endMs = performance.now() + ms
  for (;;) {
    const found = await wrong().catch((error: unknown) => [`no answer: ${String(error)}`])
    if (found.length === 0 || performance.now() > endMs) return found
    await pause(150)
  }
}

/** Ready is a promise that holds at once; only what was edited by hand or deleted as a whole may take a moment longer. */
async function judgeEnd(run: Run, { settleMs }: Course): Promise<void> {
  const { site, unpruned, world, plan } = run
  const units = [...finalUnits(plan).values()]
  const expected = await renderExpected(site, units, run.bases)
  const judge = async (only?: ReadonlySet<string>): Promise<readonly string[]> =>
    judgeEndState(world.platform.kube, { site, units, expected, unpruned, kustomizations: (await look(run)).kustomizations, ...(only && { only }) })
  const edited = new Set(plan.steps.flatMap(({ act: { kind, ...rest } }) => (kind === 'edit' && 'unit' in rest ? [rest.unit] : [])))
  const untouched = new Set(units.map(({ name }) => name).filter((name) => !edited.has(name)))
  for (const wrong of await insist(() => judge(untouched))) run.violations.add(`end state when all was ready: ${wrong}`)
  for (const wrong of await within(settleMs / 2, judge)) run.violations.add(`end state: ${wrong}`)
}

/** Deletes everything, which is part of the test, and then what was not to be pruned. */
async function empty(run: Run, { settleMs }: Course): Promise<void> {
  const { world, site, plan, journal } = run
  const { kube } = world.platform
  const { namespace } = site
  if (plan.troubledEnd) world.trouble(plan.rules, plan.seed)
  for (const name of run.units.keys()) journal.push(name, 'deleted', [])
  await Promise.all([...run.units.keys()].map((name) => insist(() => kube.delete({ resource: kustomizationKind, namespace, name }))))
  if (plan.troubledEnd) await pause(700)
  world.calm()
  for (const wrong of await untilNone(run, kustomizationKind, settleMs)) run.violations.add(wrong)
  const owned = await listOwned(kube, site)
  for (const [id, { unit }] of owned) if (!run.unpruned.has(unit)) run.violations.add(`after deletion: ${id} of ${unit} is left over`)
  await Promise.all([...owned.values()].map(({ object }) => insist(() => removeObject(run, object.kind, object.metadata))))
  await Promise.all(run.repositories.map(({ name }) => insist(() => kube.delete({ resource: gitRepositoryKind, namespace, name }))))
  for (const wrong of await untilNone(run, gitRepositoryKind, settleMs)) run.violations.add(wrong)
}

async function removeObject({ world: { platform } }: Run, kind: string, { namespace = '', name }: { readonly namespace?: string | undefined; readonly name: string }): Promise<void> {
  const resource = ownedKinds.find((each) => each.kind === kind)
  if (resource !== undefined) await platform.kube.delete({ resource, namespace, name })
}

async function untilNone({ world: { platform }, site: { namespace } }: Run, kind: Kind, ms: number): Promise<readonly string[]> {
  return within(ms, async () => (await platform.kube.list(kind, { namespace })).items.map((each) => `${kind.kind} ${each.metadata.name} is not gone: ${JSON.stringify(each['status'])}`))
}

/** Artifacts and mirrors of sources that are gone. */
async function findStored({ world: { platform }, site: { namespace } }: Run, known: ReadonlySet<string>): Promise<readonly string[]> {
  const list = (...folder: readonly string[]): Promise<readonly string[]> => readdir(path.join(platform.dir, ...folder)).catch(() => [])
  const artifacts = (await list('store', 'gitrepository', namespace)).map((name) => `artifacts of ${namespace}/${name} are left`)
  const mirrors = (await findMirrors(platform.dir)).filter((name) => !known.has(name)) // what an earlier seed left is told there
  return [...artifacts, ...mirrors.map((name) => `mirror ${name} is left, and no object names its URL`)]
}

async function findMirrors(dir: string): Promise<readonly string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true }).catch(() => [])
  return entries.filter((entry) => path.basename(entry.parentPath) === 'mirrors').map(({ name }) => name)
}

/** People delete by hand here, as the platform's administrator. */
const controllersOnly = /^weir-(?!platform)/

/** What all of it left to be read: the audit log, and every text that people can see. */
async function judgeTraces(run: Run, { world, audit, logs, heard }: Course): Promise<void> {
  const { site, journal, violations } = run
  const entries: readonly AuditEntry[] = await audit.take()
  for (const wrong of findWrongDeletions({ audit: entries, revisions: journal.revisions(), deletesAs: controllersOnly })) violations.add(wrong)
  const files = await world.platform.logs()
  const texts = new Map([...(await logs.take(files)), ...world.overheard(), ...[...(await insist(() => readPublicTexts(world.platform)))].filter(([name]) => !files.includes(name))])
  for (const name of findCanaries(canariesOf(site), texts)) violations.add(`a secret can be read in: ${name}`)
  for (const channel of [...texts].flatMap(([name, text]) => (text === '' ? [] : (channelOf(name) ?? [])))) heard.add(channel)
  for (const end of world.unexpectedEnds()) violations.add(end)
  await insist(() => world.platform.kube.delete({ resource: namespaces, namespace: '', name: site.namespace }))
}
