import { describe, expect, it } from '@jest/globals'
import { createFakeClock } from '@weir/shared/testing'
import { KubeError, type KubeObject } from '@weir/shared/kube'
import { failing, failingTransiently, stalled, waiting, type Outcome } from './outcome.ts'
import { createWorld, done, gated, key, type Plain } from './toys/world.ts'

const setUp = (given: Parameters<typeof createWorld>[1] = {}) => createWorld(createFakeClock(), given)

describe('a run', () => {
  it('adds the finalizer and goes on at once, with one status write', async () => {
    const { cluster, controller, settle, patches, statusOf } = setUp()
    cluster.edit('a', (object) => object)
    await settle()
    await controller.start()
    await settle()
    expect(patches()).toEqual([
      expect.objectContaining({ manager: 'gotk-kustomize-controller', body: { metadata: { finalizers: ['finalizers.fluxcd.io'], resourceVersion: expect.any(String) } } }),
      expect.objectContaining({ manager: 'gotk-kustomize-controller', subresource: 'status' }),
    ])
    expect(statusOf()).toMatchObject({ observedGeneration: 1, conditions: [{ type: 'Ready', status: 'True' }] })
  })

  it('writes nothing, wakes nothing and waits for the interval when nothing changed', async () => {
    const runs = { count: 0 }
    const { clock, controller, create, patches } = setUp({ reconcile: async () => (runs.count++, done) })
    await create()
    await controller.start()
    await clock.advance(599_999)
    expect([runs.count, patches().length]).toEqual([1, 1])
    await clock.advance(1)
    expect([runs.count, patches().length]).toEqual([2, 1])
  })

  it('echoes the token with the result, never before', async () => {
    const work = gated<undefined>(undefined)
    const { clock, controller, create, annotate, statusOf, settle } = setUp({
      reconcile: async (_toy, step) => {
        const stop = await step('work', work.body)
        return stop ?? done
      },
    })
    await create()
    await controller.start()
    await settle()
    work.open()
    await settle()
    annotate({ 'reconcile.fluxcd.io/requestedAt': 't1' })
    await clock.advance(2_500)
    expect(statusOf()).toMatchObject({ conditions: [{ type: 'Reconciling', reason: 'Progressing' }, { type: 'Ready', status: 'Unknown' }] })
    expect(statusOf().lastHandledReconcileAt).toBeUndefined()
    work.open()
    await settle()
    expect(statusOf()).toMatchObject({ lastHandledReconcileAt: 't1', conditions: [{ type: 'Ready', status: 'True' }] })
  })

  it('leaves a suspended object alone but echoes its token', async () => {
    const runs = { count: 0 }
    const { controller, create, annotate, statusOf, setSpec, settle } = setUp({ reconcile: async () => (runs.count++, done) })
    await create('a', (object) => ({ ...object, spec: { suspend: true } }) as unknown as KubeObject)
    await controller.start()
    await settle()
    annotate({ 'reconcile.fluxcd.io/requestedAt': 't1' })
    await settle()
    expect([runs.count, statusOf().lastHandledReconcileAt]).toEqual([0, 't1'])
    setSpec({})
    await settle()
    expect(runs.count).toBe(1)
  })

  it('stalls an object whose stored spec cannot be decoded, until the spec changes', async () => {
    const { clock, controller, create, statusOf, readyOf, setSpec, settle } = setUp()
    await create('a', (object) => ({ ...object, spec: { interval: 'invalid' } }) as unknown as KubeObject)
    await controller.start()
    await clock.advance(3_600_000)
    expect(readyOf()).toBe('False InvalidSpec spec.interval: not a duration')
    expect(statusOf()).toMatchObject({ observedGeneration: 1, conditions: [{ type: 'Stalled', status: 'True' }, {}] })
    setSpec({ interval: '1m' })
    await settle()
    expect(readyOf()).toBe('True Succeeded stored')
  })

  it.each<readonly [string, Outcome, readonly number[]]>([
    ['waiting', waiting({ reason: 'A', message: 'b' }, 30_000), [30_000, 60_000]],
    ['failing', failing({ reason: 'A', message: 'b' }), [120_000, 240_000]],
    ['failing transiently', failingTransiently({ reason: 'A', message: 'b' }), [750, 2_250, 5_250]],
    ['stalled', stalled({ reason: 'A', message: 'b' }), []],
  ])('that ends %s comes back when its row says', async (...[, outcome, atMs]) => {
    const ran: number[] = []
    const { clock, controller, create } = setUp({ reconcile: async () => (ran.push(clock.monotonicMs()), outcome) })
    await create()
    await controller.start()
    await clock.advance((atMs.at(-1) ?? 0) + 1)
    expect(ran).toEqual([0, ...atMs])
  })

  it('reads again and derives again when the object moved under its write', async () => {
    const { clock, cluster, controller, create, statusOf, patches } = setUp()
    await create()
    const foreign = (reason: string): Plain => ({ type: 'Foreign', status: 'True', reason, message: '', lastTransitionTime: '' })
    const tries = { count: 0 }
    cluster.before = ({ subresource }) => {
      if (subresource !== 'status' || ++tries.count > 3) return
      cluster.edit('a', (object) => ({ ...object, status: { conditions: [foreign(`R${tries.count}`)] } }) as unknown as KubeObject)
    }
    await controller.start()
    await clock.advance(300)
    expect(statusOf().conditions).toMatchObject([{ type: 'Ready', status: 'True' }, { type: 'Foreign', reason: 'R3' }])
    expect(patches()).toHaveLength(4)
  })

  it('gives up after five conflicts and comes back later', async () => {
    const { clock, cluster, controller, create, readyOf } = setUp()
    await create()
    const tries = { count: 0 }
    cluster.before = ({ subresource }) => {
      if (subresource === 'status' && ++tries.count <= 5) cluster.edit('a', (object) => object)
    }
    await controller.start()
    await clock.advance(700)
    expect([tries.count, readyOf()]).toEqual([5, 'undefined undefined undefined'])
    await clock.advance(2_000)
    expect([tries.count, readyOf()]).toEqual([6, 'True Succeeded stored'])
  })

  it('comes back after a write that the fence refused: the lease may be renewed, and nobody else wakes the key', async () => {
    const { clock, cluster, controller, create, readyOf } = setUp()
    await create()
    const fence = { refuses: 1 }
    cluster.before = ({ subresource }) => {
      if (subresource === 'status' && fence.refuses-- > 0) throw new KubeError('fenced', 'patch toy')
    }
    await controller.start()
    await clock.advance(700)
    expect(readyOf()).toBe('undefined undefined undefined')
    await clock.advance(100)
    expect(readyOf()).toBe('True Succeeded stored')
  })

  it('gives up a sign of progress that is stuck when its run ends: it is not written over what the next run says', async () => {
    const clock = createFakeClock()
    const runs = { count: 0 }
    const reconcile = async (): Promise<Outcome> => {
      if (++runs.count > 1) return done
      await clock.sleep(3_000)
      throw new KubeError('timeout', 'apply')
    }
    const { cluster, controller, create, readyOf, settle } = createWorld(clock, { reconcile })
    await create()
    const stuck = Promise.withResolvers<void>()
    const frozen = { calls: 1 }
    cluster.before = ({ subresource }) => (subresource === 'status' && frozen.calls-- > 0 ? stuck.promise : undefined)
    await controller.start()
    await clock.advance(10_000)
    expect([runs.count, readyOf()]).toEqual([2, 'True Succeeded stored'])
    stuck.resolve()
    await settle()
    await clock.advance(2_000)
    expect(readyOf()).toBe('True Succeeded stored')
  })

  it('saves notes and progress in mid-run, in one write', async () => {
    const { controller, create, settle, cluster } = setUp({
      reconcile: async (_toy, step) => {
        step.note({ revision: 'r1' })
        await step.save('Applying')
        return failing({ reason: 'A', message: 'b' })
      },
    })
    await create()
    await controller.start()
    await settle()
    const writes = cluster.calls.filter(({ subresource }) => subresource === 'status').map(({ body }) => (body as { status: Plain }).status)
    expect(writes[0]).toMatchObject({ revision: 'r1', conditions: [{ type: 'Reconciling', message: 'Applying' }, { type: 'Ready', status: 'Unknown' }] })
    expect(writes).toHaveLength(2)
  })
})

describe('what a kind is told', () => {
  it('the end of a run, with what it noted and whether it recovered', async () => {
    const outcomes: Outcome[] = [done, failing({ reason: 'A', message: 'b' })]
    const { clock, controller, create, ends, events } = setUp({
      reconcile: async (_toy, step) => {
        step.note({ revision: `r${outcomes.length}` })
        return outcomes.pop() ?? done
      },
    })
    await create()
    await controller.start()
    await clock.advance(120_000)
    expect(ends).toMatchObject([
      { outcome: { kind: 'failing' }, notes: { revision: 'r2' }, wrote: true, recovered: false },
      { outcome: { kind: 'ready' }, notes: { revision: 'r1' }, wrote: true, recovered: true, after: { status: { revision: 'r1' } } },
    ])
    expect(events).toMatchObject([{ type: 'Warning', reason: 'A', message: 'b' }])
  })

  it('the name of everything that a fault can be put into', async () => {
    const told: string[] = []
    const { cluster, controller, settle } = setUp({
      onStep: (name, phase) => void (phase === 'begin' && told.push(name)),
      reconcile: async (_toy, step) => {
        step.note({ revision: 'r1' })
        await step.save('Applying')
        return (await step.critical<undefined>('apply', async () => undefined)) ?? done
      },
    })
    cluster.edit('a', (object) => object)
    await settle()
    await controller.start()
    await settle()
    cluster.remove('a')
    await settle()
    expect(told).toEqual(['add finalizer', 'write status: running', 'apply', 'write status: ready', 'remove finalizer'])
  })

  it('an object whose status another process wrote is read again before a prune, once', async () => {
    const { cluster, controller, create, settle } = setUp({
      reconcile: async (_toy, _step, run) => {
        await run.confirmed()
        await run.confirmed()
        return done
      },
    })
    await create()
    await controller.start()
    await settle()
    expect(cluster.calls.filter(({ verb }) => verb === 'get')).toHaveLength(1)
    controller.wake(key, 'spec')
    await settle()
    expect(cluster.calls.filter(({ verb }) => verb === 'get')).toHaveLength(1)
  })
})
