import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { gitRepositoryKind } from '@weir/shared/api'
import type { Fault } from '@weir/shared/testing'
import { itLeavesNothingBehind } from './fault-aftermath.ts'
import { nameOf, startFaultRig, stateOf, type FaultRig, type LifePart } from './fault-rig.ts'
import { readKustomization, readyOf, requestReconcile, until } from './fleet.ts'
import { namespace } from './flow.ts'

// What the controllers fetch: commits from a Git server over http, and artifacts from the artifact server.

const kustomize = 'kustomize-controller'
let rig: FaultRig

beforeAll(async () => {
  rig = await startFaultRig({ seed: 20_260_102 })
  await Promise.all([rig.start('source-controller'), rig.start(kustomize)])
})
afterEach(() => rig.calm())
afterAll(() => rig?.stop())

type Row = readonly [string, Readonly<Record<LifePart, Fault>>]

const rows: readonly Row[] = [
  ['429, 500 and 503', { install: { kind: 'status', status: 429, retryAfterSeconds: 1 }, upgrade: { kind: 'status', status: 500 }, prune: { kind: 'status', status: 503 } }],
  ['409, 410 and two requests for one', { install: { kind: 'status', status: 409 }, upgrade: { kind: 'status', status: 410 }, prune: { kind: 'duplicate-request' } }],
  ['broken before, after and in the middle', { install: { kind: 'reset', at: 'request' }, upgrade: { kind: 'reset', at: 'response' }, prune: { kind: 'cut', afterBytes: 60 } }],
  ['stalled on the way there and back, and slow', { install: { kind: 'stall', at: 'request', ms: 500 }, upgrade: { kind: 'stall', at: 'response', ms: 500 }, prune: { kind: 'slow', bytesPerSecond: 2_000 } }],
  ['truncated, cut by time and every line twice', { install: { kind: 'truncate', keepBytes: 60 }, upgrade: { kind: 'cut', afterMs: 1 }, prune: { kind: 'duplicate-lines' } }],
]

/** Every way that a commit takes. */
const ways: readonly { readonly way: 'git' | 'artifacts'; readonly what: RegExp }[] = [
  { way: 'git', what: /info\/refs/ },
  { way: 'git', what: /\/git-upload-pack$/ },
  { way: 'artifacts', what: /\.tar\.gz/ },
]

describe('between source-controller and a Git server over http, and kustomize-controller and the artifact server', () => {
  it.each(rows)('%s: install, upgrade and prune converge', async (name, faults) => {
    const app = nameOf('way', name)
    const met = (): readonly number[] => ways.map(({ way, what }) => rig[way].injected().filter((each) => what.test(each.path)).length)
    const counts: (readonly number[])[] = []
    const before = (part: LifePart): void => {
      counts.push(met())
      for (const way of ['git', 'artifacts'] as const) rig[way].use(ways.filter((each) => each.way === way).map(({ what }) => ({ fault: faults[part], path: what, count: 1 })))
    }
    await rig.live(app, { before })
    counts.push(met())
    // Each way met the fault of each part once.
    for (const [index, after] of counts.slice(1).entries()) expect(after).toEqual(counts[index]?.map((count) => count + 1))
    rig.calm()
    await rig.leave(app)
  })
})

describe('an artifact that is not what its source says', () => {
  const app = 'artifacts'
  const good = stateOf('good', 'a', 'b')

  const untilUnfetched = async (): Promise<string> => {
    const condition = await until('the artifact is refused', async () => {
      const ready = readyOf(await readKustomization(rig.flow.platform.kube, { namespace, name: app }))
      return ready?.status === 'False' && ready.reason === 'ArtifactFailed' ? ready : undefined
    })
    return condition.message
  }

  /** Something other than the artifact comes; nothing of the old revision goes; then the right bytes come. */
  const serveWrong = async (value: string, how: { readonly wrong: (stored: string) => Promise<void>; readonly right: () => Promise<void> }): Promise<string> => {
    const { platform } = rig.flow
    await platform.controller(kustomize).kill('SIGKILL')
    const next = stateOf(value, 'a')
    const commit = await rig.apps.push(app, next)
    const artifact = await rig.apps.repository.stored(commit)
    await how.wrong(path.join(platform.storagePath, artifact.path))
    await rig.start(kustomize)
    const message = await rig.explain(untilUnfetched)
    const inventory = (await readKustomization(platform.kube, { namespace, name: app }))?.status?.inventory?.entries.map(({ id }) => id) ?? []
    expect(inventory).toContain(`${namespace}_${app}-b__ConfigMap`)
    await how.right()
    await rig.explain(() => rig.apps.settle(app, next, commit))
    return message
  }

  const restored = async (): Promise<void> => requestReconcile(rig.flow.platform.kube, gitRepositoryKind, rig.apps.repository.named)
  const again = async (): Promise<void> => rig.apps.settle(app, good, await rig.apps.push(app, good))

  beforeAll(async () => {
    const commit = await rig.apps.push(app, good)
    await rig.apps.declare(app)
    await rig.apps.settle(app, good, commit)
  })
  afterAll(() => rig.leave(app))

  const lasting: readonly (readonly [string, Fault])[] = [
    ['truncated on the way', { kind: 'truncate', keepBytes: 100 }],
    ['refused by the server', { kind: 'status', status: 500 }],
  ]
  it.each(lasting)('%s, always: the old state stays, and the first attempt after it gets it', async (what, fault) => {
    const wrong = async (): Promise<void> => rig.artifacts.use([{ fault, path: /\.tar\.gz/ }])
    const message = await serveWrong(what, { wrong, right: async () => rig.calm() })
    expect(message).toContain('artifact')
    await again()
  })

  it('tampered with in the store: refused, found by the source, and built anew', async () => {
    const wrong = async (file: string): Promise<void> => {
      const bytes = await readFile(file)
      const at = Math.floor(bytes.length / 2)
      bytes.writeUInt8(bytes.readUInt8(at) ^ 0xff, at)
      await writeFile(file, bytes)
    }
    const message = await serveWrong('tampered', { wrong, right: restored })
    expect(message).toMatch(/digest|checksum/i)
    await again()
  })

  it('truncated in the store: refused, found by the source, and built anew', async () => {
    const message = await serveWrong('short', { wrong: async (file) => writeFile(file, (await readFile(file)).subarray(0, 120)), right: restored })
    expect(message).toContain('artifact')
    await again()
  })
})

describe('after all of it', () => {
  itLeavesNothingBehind(() => rig)
})
