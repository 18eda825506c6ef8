import { describe, expect, it } from '@jest/globals'
import { createFakeClock } from '@weir/shared/testing'
import { KubeError, type KubeObject } from '@weir/shared/kube'
import type { ControllerOptions } from './controller.ts'
import { failingTransiently, stalled, type Outcome, type Stop } from './outcome.ts'
import type { Toy } from './toys/toy-table.ts'
import { createWorld, done, gated, key } from './toys/world.ts'

const setUp = (given: Parameters<typeof createWorld>[1] = {}) => createWorld(createFakeClock(), given)

describe('deletion', () => {
  const gone = async (finalize: ControllerOptions<Toy>['finalize']) => {
    const world = setUp({ finalize })
    await world.create()
    await world.controller.start()
    await world.settle()
    world.cluster.remove('a')
    await world.settle()
    return world
  }

  it('takes the finalizer away, also from a suspended and from an invalid object', async () => {
    for (const spec of [{ suspend: true }, { interval: 'invalid' }]) {
      const world = setUp()
      await world.create('a', (object) => ({ ...object, spec }) as unknown as KubeObject)
      await world.controller.start()
      await world.settle()
      world.cluster.remove('a')
      await world.settle()
      expect(world.cluster.object('a')).toBeUndefined()
    }
  })

  it('keeps the finalizer and the conditions while it fails, warns, and backs off', async () => {
    const outcomes: Stop[] = [failingTransiently({ reason: 'PruneFailed', message: 'no' })]
    const world = await gone(async () => outcomes.pop() ?? 'finalized')
    expect(world.readyOf()).toBe('True Succeeded stored')
    expect(world.events).toMatchObject([{ type: 'Warning', reason: 'PruneFailed' }])
    await world.clock.advance(750)
    expect(world.cluster.object('a')).toBeUndefined()
  })

  it('says why when it is stuck', async () => {
    const world = await gone(async () => stalled({ reason: 'NotSupported', message: 'spec.kubeConfig' }))
    await world.clock.advance(3_600_000)
    expect(world.readyOf()).toBe('False NotSupported spec.kubeConfig')
  })

  it('leaves an object with other finalizers to them', async () => {
    const world = setUp()
    await world.create('a', (object) => ({ ...object, metadata: { ...object.metadata, finalizers: ['foreign', 'finalizers.fluxcd.io'] } }))
    await world.controller.start()
    await world.settle()
    world.cluster.remove('a')
    await world.settle()
    expect(world.cluster.object('a')?.metadata.finalizers).toEqual(['foreign'])
    const calls = world.cluster.calls.length
    await world.clock.advance(3_600_000)
    expect(world.cluster.calls).toHaveLength(calls)
  })

  it('is not held up by a newer source revision', async () => {
    const work = gated<undefined>(undefined)
    const world = setUp({ finalize: async (_stored, step) => (await step.park('terminate', work.body)) ?? 'finalized' })
    await world.create()
    await world.controller.start()
    await world.settle()
    world.cluster.remove('a')
    await world.settle()
    world.controller.supersede({ namespace: 'default', name: 'a' })
    await world.settle()
    expect(work.begun()).toBe(1)
    work.open()
    await world.settle()
    expect(world.cluster.object('a')).toBeUndefined()
  })

  it('drops the metric series', async () => {
    const world = setUp()
    await world.create()
    await world.controller.start()
    await world.settle()
    expect(await world.telemetry.metrics.text()).toMatch(/gotk_reconcile_duration_seconds_count\{.*name="a"\} 1/)
    world.cluster.remove('a')
    await world.settle()
    expect(await world.telemetry.metrics.text()).not.toContain('name="a"')
  })
})

describe('trouble', () => {
  const outage = (): never => {
    throw new KubeError('unreachable', 'get toy')
  }

  it('reaching the API server stays out of the conditions for 60 s', async () => {
    const trouble = { on: true }
    const { clock, controller, create, readyOf, patches, events } = setUp({ reconcile: async () => (trouble.on ? outage() : done) })
    await create()
    await controller.start()
    await clock.advance(59_000)
    expect([patches().length, events.length]).toEqual([0, 0])
    await clock.advance(60_000)
    expect(readyOf()).toMatch(/^False Failed /)
    trouble.on = false
    await clock.advance(120_000)
    expect(readyOf()).toBe('True Succeeded stored')
  })

  describe('that is passing', () => {
    const passing = failingTransiently({ reason: 'ArtifactFailed', message: 'not there', passing: true })
    const setUpReady = async (stop: Stop) => {
      const now: { outcome: Outcome } = { outcome: done }
      const world = setUp({ reconcile: async () => now.outcome })
      await world.create()
      await world.controller.start()
      await world.settle()
      expect(world.readyOf()).toBe('True Succeeded stored')
      now.outcome = stop
      return { ...world, now, before: world.patches().length }
    }

    it('leaves what is ready so for a minute, and is looked at again soon', async () => {
      const { clock, controller, events, patches, readyOf, now, before } = await setUpReady(passing)
      controller.wake(key, 'drift')
      await clock.advance(59_000)
      expect([readyOf(), patches().length, events]).toEqual(['True Succeeded stored', before, []])
      now.outcome = done
      await clock.advance(60_000)
      expect([readyOf(), patches().length]).toEqual(['True Succeeded stored', before])
      now.outcome = passing // the next one has a minute of its own
      controller.wake(key, 'drift')
      await clock.advance(59_000)
      expect(patches()).toHaveLength(before)
      await clock.advance(60_000)
      expect(readyOf()).toBe('False ArtifactFailed not there')
    })

    it.each<readonly [string, (world: Awaited<ReturnType<typeof setUpReady>>) => unknown]>([
      ['a new generation', ({ setSpec }) => setSpec({ interval: '1m' })],
      ['a token', ({ annotate }) => annotate({ 'reconcile.fluxcd.io/requestedAt': 't' })],
    ])('is said at once if %s asks', async (...[, ask]) => {
      const world = await setUpReady(passing)
      ask(world)
      await world.settle()
      expect(world.readyOf()).toBe('False ArtifactFailed not there')
    })

    it('is said at once of what is not ready', async () => {
      const { controller, readyOf, now, settle } = await setUpReady(failingTransiently({ reason: 'Failed', message: 'no' }))
      controller.wake(key, 'drift')
      await settle()
      now.outcome = passing
      controller.wake(key, 'drift')
      await settle()
      expect(readyOf()).toBe('False ArtifactFailed not there')
    })

    it('is said at the end of a run that was seen to go on', async () => {
      const world = setUp({
        reconcile: async (_toy, step) => {
          if (world.patches().length === 0) return done
          await step.save('Applying')
          return passing
        },
      })
      await world.create()
      await world.controller.start()
      await world.settle()
      world.controller.wake(key, 'drift')
      await world.settle()
      expect(world.readyOf()).toBe('False ArtifactFailed not there')
    })
  })

  it('writing a status is one failure with the run before it, and waits no longer than the kind lets its objects wait', async () => {
    const runs: number[] = []
    const { clock, cluster, controller, create } = setUp({
      reconcile: async () => {
        runs.push(clock.monotonicMs())
        return failingTransiently({ reason: 'Failed', message: 'apply' })
      },
    })
    cluster.before = ({ subresource }) => (subresource === 'status' ? outage() : undefined)
    await create()
    await controller.start()
    await clock.advance(900_000)
    const pauses = runs.slice(1).map((at, index) => at - (runs[index] ?? 0))
    expect(pauses.slice(0, 4)).toEqual([750, 1_500, 3_000, 6_000])
    expect(Math.max(...pauses)).toBe(120_000)
  })

  it('writing a status is tried again until it is written', async () => {
    const { clock, cluster, controller, create, readyOf, ends } = setUp()
    await create()
    const trouble = { on: true }
    cluster.before = ({ subresource }) => void (subresource === 'status' && trouble.on && outage())
    await controller.start()
    await clock.advance(30_000)
    expect(ends).toHaveLength(0)
    trouble.on = false
    await clock.advance(60_000)
    expect([readyOf(), ends.length]).toEqual(['True Succeeded stored', 1])
  })

  it('shrinks the limit', async () => {
    const { clock, controller, create, limit } = setUp({
      concurrent: 8,
      reconcile: async () => {
        throw new KubeError('throttled', 'get toy')
      },
    })
    await create()
    await controller.start()
    await clock.advance(0)
    expect(limit.current()).toBe(4)
  })

  it('with one object does not stop the others', async () => {
    const { clock, controller, create, readyOf } = setUp({
      reconcile: async (toy) => {
        if (toy.metadata.name === 'a') throw new TypeError('https://user:s3cret@host/ is undefined')
        return done
      },
    })
    await create('a')
    await create('b')
    await controller.start()
    await clock.advance(0)
    expect(readyOf('b')).toBe('True Succeeded stored')
    expect(readyOf('a')).toMatch(/^False Failed internal error: /)
    expect(readyOf('a')).not.toContain('s3cret')
  })
})

describe('the end of the process', () => {
  it('drain lets a stage end, aborts the rest, saves notes and writes no condition', async () => {
    const work = gated<undefined>(undefined)
    const { controller, create, settle, statusOf, patches } = setUp({
      reconcile: async (_toy, step) => {
        step.note({ revision: 'r1' })
        const stop = await step.critical('stage', work.body)
        if (stop) return stop
        return (await step.park('wait', gated<undefined>(undefined).body)) ?? done
      },
    })
    await create()
    await controller.start()
    await settle()
    const drained = controller.drain(20_000)
    await settle()
    expect(patches()).toHaveLength(0)
    work.open()
    await drained
    expect(statusOf()).toEqual({ revision: 'r1' })
  })

  it('drain ends a stage that does not end', async () => {
    const work = gated<undefined>(undefined)
    const { clock, controller, create, settle } = setUp({ reconcile: async (_toy, step) => (await step.critical('stage', work.body)) ?? done })
    await create()
    await controller.start()
    await settle()
    const ended = { yet: false }
    const drained = controller.drain(20_000).then(() => (ended.yet = true))
    await clock.advance(19_999)
    expect(ended.yet).toBe(false)
    await clock.advance(1)
    await drained
    expect(clock.pending()).toBe(0)
  })

  it('a step that does not obey does not hold up the end for ever', async () => {
    const { clock, controller, create, settle } = setUp({ reconcile: async (_toy, step) => (await step.critical('deaf', () => new Promise<undefined>(() => undefined))) ?? done })
    await create()
    await controller.start()
    await settle()
    const ended = { yet: false }
    void controller.drain(20_000).then(() => (ended.yet = true))
    await clock.advance(25_000)
    expect(ended.yet).toBe(true)
  })

  it('a lost lease ends everything and writes nothing', async () => {
    const work = gated<undefined>(undefined)
    const { controller, create, settle, patches } = setUp({
      reconcile: async (_toy, step) => {
        step.note({ revision: 'r1' })
        return (await step.critical('stage', work.body)) ?? done
      },
    })
    await create()
    await controller.start()
    await settle()
    controller.abandon()
    await settle()
    expect([patches().length, controller.busy()]).toEqual([0, 0])
  })
})
