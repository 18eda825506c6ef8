import type { Kind } from '@weir/shared/api'
import { fieldAt, type KubeObject } from '@weir/shared/manifest'
import { breakDown, countWork } from './audit.ts'
import { round, spreadMs } from './figures.ts'
import { appNames, appsNamespace, configMapKind, deploymentKind, fleetFiles, objectsOf, serviceAccountKind, serviceKind } from './fleet.ts'
import { connections, phaseTimeoutMs } from './limit.ts'
import { installFleet } from './mttp.ts'
import { forEach } from './pool.ts'
import type { Scenario } from './scenario.ts'
import type { SystemName } from './system.ts'
import { kustomizeClient, startTestbed, type Testbed } from './testbed.ts'

/** Flux sees an edit when the interval has passed; ours shall not need it. */
const intervals: Readonly<Record<SystemName, string>> = { weir: '1h', flux: '60s' }

/** Objects edited by hand, all at once; each edit on an app of its own. */
export const drift: Scenario = {
  n: 100,
  budgets: [
    { key: 'p99Ms', most: 2000 },
    { key: 'callsPerEdit', most: 3 },
  ],
  async run({ system, n, pace, profile, onProgress, signal }) {
    const names = appNames(Math.max(pace.fleet, n))
    const interval = intervals[system]
    await using testbed = await startTestbed({ system, files: fleetFiles('plain', names, 'first'), pace, profile, onProgress, signal })
    onProgress(`install: ${await installFleet(testbed, { names, shape: 'plain', interval, onProgress })} s`)
    if (system === 'weir') await testbed.untilQuiet(3_000)

    const { value: delaysMs, entries } = await testbed.audited(() => editAll(testbed, editsOf(names, n)))
    const counts = countWork(entries, kustomizeClient)
    onProgress(`calls: ${JSON.stringify(breakDown(entries, kustomizeClient))}`)
    return { n, fleet: names.length, interval, ...spreadMs(delaysMs), callsPerEdit: round(counts.calls / n), statusWrites: counts.statusWrites }
  },
}

/** One edit by hand, of a field that the fleet declares or of one that it does not. */
export interface Edit {
  readonly kind: Kind
  readonly name: string
  readonly manager: string
  readonly path: readonly string[]
  readonly value: unknown
  /** What is there when the edit is undone; undefined: nothing. */
  readonly declared: unknown
}

const declaredEdits: readonly Pick<Edit, 'kind' | 'path' | 'value'>[] = [
  { kind: configMapKind, path: ['data', 'GREETING'], value: 'edited by hand' },
  { kind: deploymentKind, path: ['spec', 'replicas'], value: 2 },
  { kind: serviceKind, path: ['spec', 'selector', 'app'], value: 'edited' },
  { kind: serviceAccountKind, path: ['automountServiceAccountToken'], value: true },
]

const addingEdits: readonly Pick<Edit, 'kind' | 'path' | 'value'>[] = [
  { kind: configMapKind, path: ['data', 'EXTRA'], value: 'added by hand' },
  { kind: deploymentKind, path: ['metadata', 'annotations', 'example.com/edited'], value: 'true' },
  { kind: serviceKind, path: ['metadata', 'labels', 'edited'], value: 'true' },
  { kind: serviceAccountKind, path: ['metadata', 'labels', 'edited'], value: 'true' },
]

/** Spread over the fleet and all kinds, in turn of a declared field and one that is added. Exported for its test. */
export function editsOf(names: readonly string[], n: number): readonly Edit[] {
  const stride = Math.floor(names.length / n)
  return Array.from({ length: n }, (_, at) => {
    const edits = at % 2 === 0 ? declaredEdits : addingEdits
    const edit = edits[Math.floor(at / 2) % edits.length]
    const name = names[at * stride]
    if (edit === undefined || name === undefined) throw new Error('more edits than apps')
    const object = objectsOf(name, 'first').find(({ kind }) => kind === edit.kind.kind)
    return { ...edit, name, manager: at % 2 === 0 ? 'somebody' : 'kubectl-edit', declared: fieldAt(object, ...edit.path) }
  })
}

/** Milliseconds from sending each edit until the watch shows it undone. */
async function editAll(testbed: Testbed, edits: readonly Edit[]): Promise<readonly number[]> {
  const sentMs = new Map<string, number>()
  const delaysMs: number[] = []
  const waits = [...Map.groupBy(edits, ({ kind }) => kind)].map(async ([kind, ofKind]) => {
    const byName = new Map(ofKind.map((edit) => [edit.name, edit]))
    const observed = await testbed.watchObjects(kind)
    // A correction may be quicker than a watch that is only just opening.
    await observed.until(`${kind.kind}s seen`, [...byName.keys()], { isDone: () => true, timeoutMs: phaseTimeoutMs / 10 })
    const undone = observed.until(`${kind.kind}s as declared`, [...byName.keys()], {
      isDone: createUndone(byName),
      timeoutMs: phaseTimeoutMs / 10,
      onDone: (name, atMs) => void delaysMs.push(atMs - (sentMs.get(name) ?? Number.NaN)),
    })
    return { undone }
  })
  const watches = await Promise.all(waits)
  const edited = forEach(edits, connections, async (edit) => {
    sentMs.set(edit.name, performance.now())
    await testbed.writer.mergePatch(edit.kind, { namespace: appsNamespace, name: edit.name }, { body: bodyOf(edit), manager: edit.manager })
  })
  await Promise.all([edited, ...watches.map(({ undone }) => undone)])
  return delaysMs
}

/** Undone: as declared, after having been seen otherwise. Exported for its test. */
export function createUndone(edits: ReadonlyMap<string, Edit>): (object: KubeObject) => boolean {
  const dirty = new Set<string>()
  return (object) => {
    const { name } = object.metadata
    const edit = edits.get(name)
    if (edit === undefined) return false
    if (fieldAt(object, ...edit.path) === edit.declared) return dirty.has(name)
    dirty.add(name)
    return false
  }
}

function bodyOf({ path, value }: Edit): object {
  return path.reduceRight<unknown>((inner, field) => ({ [field]: inner }), value) as object
}
