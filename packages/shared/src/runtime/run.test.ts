import { describe, expect, it } from '@jest/globals'
import { createFakeClock } from '@weir/shared/testing'
import type { Outcome } from './outcome.ts'
import { sourceTable, type Toy } from './toys/toy-table.ts'
import { createWorld, done, gated, key, type ToyStep } from './toys/world.ts'

const setUp = (given: Parameters<typeof createWorld>[1] = {}) => createWorld(createFakeClock(), given)

describe('progress', () => {
  const slow = (work: ReturnType<typeof gated<undefined>>, before?: (step: ToyStep) => void) => ({
    reconcile: async (_toy: Toy, step: ToyStep): Promise<Outcome> => {
      before?.(step)
      return (await step('work', work.body, { deadlineMs: 600_000 })) ?? done
    },
  })

  it('is told once after 2 s', async () => {
    const work = gated<undefined>(undefined)
    const { clock, controller, create, patches, statusOf } = setUp(slow(work, (step) => step.progress('Building')))
    await create()
    await controller.start()
    await clock.advance(1_999)
    expect(patches()).toHaveLength(0)
    await clock.advance(60_000)
    expect(patches()).toHaveLength(1)
    expect(statusOf().conditions?.[0]).toMatchObject({ type: 'Reconciling', message: 'Building' })
  })

  it('is told again when the run does something else, and that lasts 2 s too', async () => {
    const work = gated<undefined>(undefined)
    const steps: ToyStep[] = []
    const { clock, controller, create, patches, statusOf } = setUp(slow(work, (step) => steps.push(step)))
    const told = (): unknown => statusOf().conditions?.[0]?.message
    await create()
    await controller.start()
    await clock.advance(2_000)
    expect([patches().length, told()]).toEqual([1, 'reconciliation in progress'])
    steps[0]?.progress('Building')
    steps[0]?.progress('Applying') // building was done at once
    await clock.advance(1_000)
    steps[0]?.progress({ message: 'Running health checks', checks: ['Healthy'] })
    await clock.advance(999)
    expect(patches()).toHaveLength(1)
    await clock.advance(1)
    expect([patches().length, told()]).toEqual([2, 'Running health checks'])
    expect(statusOf().conditions).toContainEqual(expect.objectContaining({ type: 'Healthy', status: 'Unknown' }))
    steps[0]?.progress({ message: 'Running health checks', checks: ['Healthy'] }) // nothing new
    await clock.advance(60_000)
    expect(patches()).toHaveLength(2)
    work.open()
    await clock.advance(60_000)
    expect([patches().length, told()]).toEqual([3, 'stored'])
  })

  it('that ended before it was told is not told', async () => {
    const work = gated<undefined>(undefined)
    const steps: ToyStep[] = []
    const { clock, controller, create, patches, readyOf } = setUp(slow(work, (step) => steps.push(step)))
    await create()
    await controller.start()
    await clock.advance(3_000)
    steps[0]?.progress('Applying')
    await clock.advance(1_000)
    work.open()
    await clock.advance(60_000)
    expect([patches().length, readyOf()]).toEqual([2, 'True Succeeded stored'])
  })

  it('that a write in mid-run told is not written once more', async () => {
    const work = gated<undefined>(undefined)
    const { clock, controller, create, patches } = setUp({
      reconcile: async (_toy, step) => {
        await step.save('Applying')
        return (await step('work', work.body, { deadlineMs: 600_000 })) ?? done
      },
    })
    await create()
    await controller.start()
    await clock.advance(60_000)
    expect(patches()).toHaveLength(1)
  })

  it('is not told by a verification', async () => {
    const work = gated<undefined>(undefined)
    const { clock, controller, create, patches } = setUp({ ...slow(work), onStart: () => 'verification' })
    await create()
    await controller.start()
    await clock.advance(60_000)
    expect(patches()).toHaveLength(0)
  })

  it('of a source that only looks is not told, until it builds', async () => {
    const work = gated<undefined>(undefined)
    const steps: ToyStep[] = []
    const { clock, controller, create, patches, readyOf } = setUp({ ...slow(work, (step) => steps.push(step)), table: sourceTable })
    await create()
    await controller.start()
    await clock.advance(0)
    work.open()
    await clock.advance(0)
    const before = patches().length
    await clock.advance(605_000)
    expect(steps).toHaveLength(2)
    expect(patches()).toHaveLength(before)
    steps[1]?.progress({ message: 'building artifact', raises: [{ type: 'ArtifactOutdated', reason: 'NewRevision', message: 'r2' }] })
    await clock.advance(0)
    expect(patches()).toHaveLength(before + 1)
    expect(readyOf()).toBe('Unknown Progressing building artifact')
  })
})

describe('a newer wish', () => {
  const inMode = (mode: 'step' | 'park' | 'critical', work: ReturnType<typeof gated<undefined>>) => ({
    reconcile: async (_toy: Toy, step: ToyStep): Promise<Outcome> => {
      const stop = mode === 'step' ? await step('work', work.body) : await step[mode]('work', work.body)
      if (stop) return stop
      return (await step<undefined>('next', async () => undefined)) ?? done
    },
  })

  it.each<readonly [string, (world: ReturnType<typeof setUp>) => void]>([
    ['generation', ({ setSpec }) => setSpec({ interval: '1m' })],
    ['token', ({ annotate }) => annotate({ 'reconcile.fluxcd.io/requestedAt': 't' })],
    ['source revision', ({ controller }) => controller.supersede(key)],
  ])('(%s) ends a wait at once, writes nothing and runs again', async (...[, move]) => {
    const work = gated<undefined>(undefined)
    const world = setUp(inMode('park', work))
    await world.create()
    await world.controller.start()
    await world.settle()
    expect(work.begun()).toBe(1)
    move(world)
    await world.settle()
    expect(work.begun()).toBe(2)
    expect(world.patches()).toHaveLength(0)
    work.open()
    await world.settle()
    expect(world.readyOf()).toBe('True Succeeded stored')
  })

  it('does not end a stage that is being written, but what comes after it', async () => {
    const work = gated<undefined>(undefined)
    const world = setUp(inMode('critical', work))
    await world.create()
    await world.controller.start()
    await world.settle()
    world.setSpec({ interval: '1m' })
    await world.settle()
    expect(work.begun()).toBe(1)
    work.open()
    await world.settle()
    expect(work.begun()).toBe(2)
    expect(world.patches()).toHaveLength(0)
  })

  it('that is only a wake lets the run end and runs once more', async () => {
    const work = gated<undefined>(undefined)
    const world = setUp(inMode('step', work))
    await world.create()
    await world.controller.start()
    await world.settle()
    world.controller.wake(key, 'drift')
    world.controller.wake(key, 'dependency')
    await world.settle()
    expect(work.begun()).toBe(1)
    work.open()
    await world.settle()
    expect(work.begun()).toBe(2)
    expect(world.patches()).toHaveLength(1)
    work.open()
    await world.settle()
    expect(work.begun()).toBe(2)
  })

  it('deletion ends the run and finalizes', async () => {
    const work = gated<undefined>(undefined)
    const world = setUp(inMode('park', work))
    await world.create()
    await world.controller.start()
    await world.settle()
    world.cluster.remove('a')
    await world.settle()
    expect(world.cluster.object('a')).toBeUndefined()
    expect(world.controller.busy()).toBe(0)
  })
})

describe('parking', () => {
  it('lets other objects run while one waits', async () => {
    const work = gated<undefined>(undefined)
    const ran: string[] = []
    const { controller, create, settle } = setUp({
      concurrent: 1,
      reconcile: async (toy, step) => {
        ran.push(toy.metadata.name)
        return (toy.metadata.name === 'a' ? await step.park('wait', work.body) : undefined) ?? done
      },
    })
    await create('a')
    await create('b')
    await create('c')
    await controller.start()
    await settle()
    expect(ran).toEqual(['a', 'b', 'c'])
    work.open()
    await settle()
    expect(controller.busy()).toBe(0)
  })

  it('keeps the number of workers', async () => {
    const now = { active: 0, most: 0 }
    const { controller, create, settle, clock } = setUp({
      concurrent: 3,
      reconcile: async (_toy, step) => {
        const work = (): Promise<undefined> => {
          now.most = Math.max(now.most, ++now.active)
          return clock.sleep(100).then(() => void now.active--) as Promise<undefined>
        }
        await step('first', work)
        await step.park<undefined>('wait', async () => void (await clock.sleep(50)) as undefined)
        await step('second', work)
        return done
      },
    })
    for (let index = 0; index < 20; index++) await create(`k${index}`)
    await controller.start()
    await clock.advance(5_000)
    await settle()
    expect([now.most, controller.busy()]).toEqual([3, 0])
  })
})
