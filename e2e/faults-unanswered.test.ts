import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import type { GitRepository, Kustomization } from '@weir/shared/api'
import type { KubeObject } from '@weir/shared/kube'
import type { Fault, FaultRule } from '@weir/shared/testing'
import { canaries, type Apps } from './canary-app.ts'
import { itLeavesNothingBehind } from './fault-aftermath.ts'
import { startFaultRig, stateOf, type FaultRig } from './fault-rig.ts'
import { applyAs, readyOf } from './fleet.ts'
import { namespace } from './flow.ts'

// What is never answered: whoever asked gives up by a deadline of its own, tries again, and ends converged. All of them wait at the same time, each
// at a source of its own.

const neverMs = 600_000
/** The other side does not hear of it. */
const lost: Fault = { kind: 'stall', at: 'request', ms: neverMs }
/** The other side does it, and its answer does not come. */
const unanswered: Fault = { kind: 'stall', at: 'response', ms: neverMs }
const dripping: Fault = { kind: 'slow', bytesPerSecond: 20 }

const [kustomize, source] = ['kustomize-controller', 'source-controller'] as const
const variables = 'unanswered-variables'

interface Row {
  readonly app: string
  readonly what: string
  /** Between whom. */
  readonly way: 'kustomize-controller' | 'source-controller' | 'git' | 'artifacts'
  readonly rule: Omit<FaultRule, 'count'> & { readonly path: RegExp }
  /** Of the Kustomization, from the upgrade on. */
  readonly spec?: Readonly<Record<string, unknown>>
  /** Of the source. */
  readonly sourceSpec?: Readonly<Record<string, unknown>>
  /** In its repository beside the app. */
  readonly files?: Readonly<Record<string, Buffer>>
  /** What its object says until the next try; of the API server nothing is told in the first minute. */
  readonly says?: { readonly kind: 'GitRepository' | 'Kustomization'; readonly text: string }
}

const rows: readonly Row[] = [
  { app: 'lost-apply', what: 'an apply that does not arrive', way: kustomize, rule: { fault: lost, methods: ['PATCH'], path: /\/configmaps\/lost-apply-a\?(?!.*dryRun)/ } },
  { app: 'mute-apply', what: 'an apply that is done', way: kustomize, rule: { fault: unanswered, methods: ['PATCH'], path: /\/configmaps\/mute-apply-a\?(?!.*dryRun)/ } },
  { app: 'dry-run', what: 'a dry run', way: kustomize, rule: { fault: unanswered, methods: ['PATCH'], path: /\/configmaps\/dry-run-c\?.*dryRun/ } },
  { app: 'deletion', what: 'a deletion', way: kustomize, rule: { fault: unanswered, methods: ['DELETE'], path: /\/configmaps\/deletion-b(\?|$)/ } },
  { app: 'verdict', what: 'a status of a Kustomization', way: kustomize, rule: { fault: lost, methods: ['PATCH'], path: /\/kustomizations\/verdict\/status/ } },
  {
    app: 'reading',
    what: 'a read of variables',
    way: kustomize,
    rule: { fault: unanswered, methods: ['GET'], path: new RegExp(`/secrets/${variables}(\\?|$)`) },
    spec: { postBuild: { substituteFrom: [{ kind: 'Secret', name: variables }] } },
  },
  { app: 'stored', what: 'a status of a source', way: source, rule: { fault: lost, methods: ['PATCH'], path: /\/gitrepositories\/stored\/status/ } },
  { app: 'artifact', what: 'a request for an artifact', way: 'artifacts', rule: { fault: unanswered, path: /\/artifact\/[^/]+\.tar\.gz/ }, says: { kind: 'Kustomization', text: 'not downloaded within 60 s' } },
  {
    app: 'drops',
    what: 'an artifact that comes byte by byte',
    way: 'artifacts',
    rule: { fault: dripping, path: /\/drops\/[^/]+\.tar\.gz/ },
    files: { 'ballast.bin': randomBytes(8_192) },
    says: { kind: 'Kustomization', text: 'not downloaded within 60 s' },
  },
  // Git itself gives up on a silent server after 30 s; spec.timeout ends it whatever it does.
  { app: 'refs', what: 'a question for refs', way: 'git', rule: { fault: unanswered, path: /\/refs\.git\/info\/refs/ }, says: { kind: 'GitRepository', text: 'no answer in time' } },
  {
    app: 'patience',
    what: 'a question for refs, with spec.timeout',
    way: 'git',
    rule: { fault: unanswered, path: /\/patience\.git\/info\/refs/ },
    sourceSpec: { timeout: '20s' },
    says: { kind: 'GitRepository', text: 'timed out' },
  },
  {
    app: 'pack',
    what: 'a question for a commit, with spec.timeout',
    way: 'git',
    rule: { fault: unanswered, methods: ['POST'], path: /\/pack\.git\/git-upload-pack$/, skip: 1 }, // the first one is for its refs
    sourceSpec: { timeout: '20s' },
    says: { kind: 'GitRepository', text: 'timed out' },
  },
]
const beside = 'beside'

let rig: FaultRig
const settled: string[] = []
const upgrades = new Map<string, Promise<void>>()

beforeAll(async () => {
  rig = await startFaultRig({ seed: 20_260_107 })
  // Each run that waits holds a worker: with fewer of them than rows nobody would be left to work for the others.
  await Promise.all([rig.start(source), rig.start(kustomize, { flags: ['--concurrent=20'] })])
  await applyAs(rig.flow.platform.kube, { apiVersion: 'v1', kind: 'Secret', metadata: { name: variables, namespace }, stringData: { password: canaries.variable } } as KubeObject)
  const all = await installAll()
  for (const way of ['git', 'artifacts'] as const) rig[way].use(rulesOf(way))
  for (const way of [kustomize, source]) rig.api[way].use(rulesOf(way))
  for (const [app, apps] of all) upgrades.set(app, rig.explain(() => upgrade(app, apps)))
  for (const each of upgrades.values()) each.catch(() => undefined) // told by its own test
})
afterAll(() => rig?.stop())

const rulesOf = (way: Row['way']): readonly FaultRule[] => rows.filter((row) => row.way === way).map(({ rule }) => ({ ...rule, count: 1 }))

async function installAll(): Promise<ReadonlyMap<string, Apps>> {
  const all = new Map<string, Apps>()
  const before = stateOf('one', 'a', 'b')
  const install = async ({ app, sourceSpec, files = {} }: Pick<Row, 'app' | 'sourceSpec' | 'files'>): Promise<void> => {
    const apps = await rig.apps.beside(app, sourceSpec)
    all.set(app, apps)
    await apps.repository.commit(files)
    const commit = await apps.push(app, before)
    await apps.declare(app)
    await apps.settle(app, before, commit)
  }
  for (const each of [...rows, { app: beside }]) await rig.explain(() => install(each))
  return all
}

async function upgrade(app: string, apps: Apps): Promise<void> {
  const next = stateOf('two', 'a', 'c')
  const commit = await apps.push(app, next)
  const spec = rows.find((row) => row.app === app)?.spec
  if (spec) await apps.declare(app, spec)
  await apps.settle(app, next, commit)
  settled.push(app)
}

/** What its object has said of itself so far. */
function messagesOf(app: string, { kind }: NonNullable<Row['says']>): readonly string[] {
  const states = [...rig.apps.states()].filter(([name]) => name.startsWith(`${kind} ${namespace}/${app}@`))
  return states.flatMap(([, text]) => readyOf(JSON.parse(text) as GitRepository | Kustomization)?.message ?? [])
}

describe('never answered', () => {
  it('one that nobody keeps waiting is upgraded before all of them', async () => {
    await upgrades.get(beside)
    expect(settled[0]).toBe(beside)
  })

  it.each(rows)('$what: given up, tried again, and converged', async ({ app, way, rule, says }) => {
    await upgrades.get(app)
    const proxy = way === 'git' || way === 'artifacts' ? rig[way] : rig.api[way]
    expect(proxy.injected().filter(({ path }) => rule.path.test(path)).map(({ fault }) => fault)).toEqual([rule.fault])
    expect(says ? messagesOf(app, says) : []).toEqual(expect.arrayContaining(says ? [expect.stringContaining(says.text)] : []))
  })
})

describe('after all of it', () => {
  itLeavesNothingBehind(() => rig)
})
