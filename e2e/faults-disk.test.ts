import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import type { GitRepository, Kustomization } from '@weir/shared/api'
import { itLeavesNothingBehind } from './fault-aftermath.ts'
import { startFaultRig, stateOf, type FaultRig } from './fault-rig.ts'
import { readKustomization, readRepository, readyOf, until } from './fleet.ts'
import { namespace } from './flow.ts'

// The disks of the controllers: full, read-only, and empty after a restart.

const exec = promisify(execFile)
const [source, kustomize] = ['source-controller', 'kustomize-controller'] as const
const big = 'apps/big.bin'
const canMount = process.platform === 'linux' && process.getuid?.() === 0
const disk = canMount ? describe : describe.skip
const why = canMount ? '' : ' (only root may mount the small disks of this test)'

let rig: FaultRig

beforeAll(async () => {
  rig = await startFaultRig({ seed: 20_260_105 })
  await Promise.all([rig.start(source), rig.start(kustomize)])
})
afterAll(() => rig?.stop())

/** A small file system of its own, and a controller that is started on it. */
interface SmallDisk {
  readonly dir: string
  remount(how: 'ro' | 'rw'): Promise<void>
}

function onSmallDisk(controller: typeof source | typeof kustomize, flag: string, size: string): SmallDisk {
  const at = (): string => path.join(rig.flow.platform.dir, `small-${controller}`)
  beforeAll(async () => {
    await mkdir(at())
    await exec('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=0700`, 'weir-test', at()])
    await rig.flow.platform.controller(controller).kill('SIGTERM')
    await rig.start(controller, { flags: [`${flag}=${at()}`] })
  })
  afterAll(async () => {
    await rig.flow.platform.controller(controller).kill('SIGTERM')
    await exec('umount', [at()])
    await rig.start(controller)
  })
  return {
    get dir() {
      return at()
    },
    remount: async (how) => void (await exec('mount', ['-o', `remount,${how}`, at()])),
  }
}

disk(`the disk of the store${why}`, () => {
  const app = 'disk'
  const small = onSmallDisk(source, '--storage-path', '256k')

  const untilRepository = (what: string, isSo: (repository: GitRepository) => boolean): Promise<GitRepository> =>
    until(what, async () => {
      const found = await readRepository(rig.flow.platform.kube, rig.apps.repository.named)
      return found && isSo(found) ? found : undefined
    })
  const untilRefused = (): Promise<GitRepository> => untilRepository('the store refuses', (each) => readyOf(each)?.status === 'False' && readyOf(each)?.reason === 'ArchiveOperationFailed')

  it('empty after a restart: every artifact is built anew', async () => {
    const declared = stateOf('one', 'a', 'b')
    const commit = await rig.apps.push(app, declared)
    await rig.apps.declare(app)
    await rig.explain(() => rig.apps.settle(app, declared, commit))
  })

  it('full: the source says so, and the last artifact is served on', async () => {
    const before = await readRepository(rig.flow.platform.kube, rig.apps.repository.named)
    await rig.apps.repository.commit({ [big]: randomBytes(1 << 19) })
    const refused = await untilRefused()
    expect(readyOf(refused)?.message).toMatch(/full|space/i)
    expect(refused.status?.artifact).toEqual(before?.status?.artifact)
    expect((await fetch(refused.status?.artifact?.url ?? '')).status).toBe(200)
    expect(readyOf(await readKustomization(rig.flow.platform.kube, { namespace, name: app }))?.status).toBe('True')

    const next = stateOf('two', 'a')
    await rig.apps.repository.commit({ [big]: undefined })
    await rig.explain(async () => rig.apps.settle(app, next, await rig.apps.push(app, next)))
  })

  it('read-only: the source says so, and goes on when it can write', async () => {
    await small.remount('ro')
    const next = stateOf('three', 'a', 'c')
    const commit = await rig.apps.push(app, next)
    const refused = await untilRefused()
    expect(readyOf(refused)?.message).toMatch(/read-only/i)
    await small.remount('rw')
    await rig.explain(() => rig.apps.settle(app, next, commit))
    await rig.leave(app)
  })
})

disk(`the disk of the cache of kustomize-controller${why}`, () => {
  const app = 'cache'
  const small = onSmallDisk(kustomize, '--cache-path', '256k')

  const untilRefused = (): Promise<Kustomization> =>
    until('the artifact cannot be unpacked', async () => {
      const found = await readKustomization(rig.flow.platform.kube, { namespace, name: app })
      return found && readyOf(found)?.status === 'False' && readyOf(found)?.reason === 'ArtifactFailed' ? found : undefined
    })

  it('empty after a restart: artifacts are fetched anew', async () => {
    const declared = stateOf('one', 'a', 'b')
    const commit = await rig.apps.push(app, declared)
    await rig.apps.declare(app)
    await rig.explain(() => rig.apps.settle(app, declared, commit))
  })

  it('full: it says so and nothing that is applied goes; a smaller artifact is applied', async () => {
    await rig.apps.repository.commit({ [big]: randomBytes(1 << 19) })
    const refused = await rig.explain(untilRefused)
    expect(readyOf(refused)?.message).toMatch(/full|space/i)
    expect(refused.status?.inventory?.entries).toHaveLength(4)

    const next = stateOf('two', 'a')
    await rig.apps.repository.commit({ [big]: undefined })
    await rig.explain(async () => rig.apps.settle(app, next, await rig.apps.push(app, next)))
  })

  it('read-only: it says so, and goes on when it can write', async () => {
    await small.remount('ro')
    const next = stateOf('three', 'a', 'c')
    const commit = await rig.apps.push(app, next)
    const refused = await rig.explain(untilRefused)
    expect(readyOf(refused)?.message).toMatch(/read-only/i)
    await small.remount('rw')
    await rig.explain(() => rig.apps.settle(app, next, commit))
    await rig.leave(app)
  })
})

describe('after all of it', () => {
  itLeavesNothingBehind(() => rig)
})
