import { describe, expect, it } from '@jest/globals'
import { KubeError, type KubeObject } from '@weir/shared/kube'
import { quietTelemetry } from '@weir/shared/telemetry'
import { createFakeClock, type FakeClock } from '@weir/shared/testing'
import { createMemoryCluster } from '../toys/memory-cluster.ts'
import { lead, leaseName, type Leadership, type LeadOptions } from './lead.ts'

type Spec = Readonly<Record<string, unknown>>

interface State {
  acquired: boolean
  lost: boolean
  broke?: string
}

function setUp() {
  const clock = createFakeClock()
  const cluster = createMemoryCluster((object) => ({ ok: true, value: object }), () => new KubeError('conflict', 'patch lease'))
  const run = (identity: string, on: FakeClock = clock, signal = new AbortController().signal): Leadership & { state: State } => {
    const leadership = lead({ kube: cluster.kube, clock: on, telemetry: quietTelemetry(), controller: 'toy', lease: { namespace: 'default', name: 'toy' }, identity, signal })
    const state: State = { acquired: false, lost: false }
    leadership.acquired.then(
      () => (state.acquired = true),
      () => undefined,
    )
    leadership.lost.then(
      () => (state.lost = true),
      (error: unknown) => (state.broke = String(error)),
    )
    return { ...leadership, state }
  }
  const spec = (): Spec => (cluster.object('toy') as unknown as { spec: Spec }).spec
  const takeBy = (holderIdentity: string): void =>
    cluster.edit('toy', (object) => ({ ...object, spec: { ...spec(), holderIdentity, leaseDurationSeconds: 35 } }) as unknown as KubeObject)
  return { clock, cluster, run, spec, takeBy }
}

describe('leaseName', () => {
  it('carries the shard', () => {
    expect(leaseName('kustomize-controller')).toBe('kustomize-controller-leader-election')
    expect(leaseName('kustomize-controller', 'sharding.fluxcd.io/key=shard1')).toMatch(/^kustomize-controller-leader-election-[0-9a-f]{8}$/)
  })
})

describe('lead', () => {
  it('creates the lease in the form of client-go', async () => {
    const { clock, run, spec } = setUp()
    const a = run('a')
    await clock.advance(0)
    expect([a.state.acquired, a.holding()]).toEqual([true, true])
    expect(spec()).toEqual({
      holderIdentity: 'a',
      leaseDurationSeconds: 35,
      acquireTime: '2026-01-02T03:04:05.000000Z',
      renewTime: '2026-01-02T03:04:05.000000Z',
      leaseTransitions: 0,
    })
  })

  it('renews every 5 s and keeps the time it acquired', async () => {
    const { clock, run, spec } = setUp()
    const a = run('a')
    await clock.advance(60_000)
    expect(spec()).toMatchObject({ acquireTime: '2026-01-02T03:04:05.000000Z', renewTime: '2026-01-02T03:05:05.000000Z', leaseTransitions: 0 })
    expect(a.holding()).toBe(true)
  })

  it('asks over the connection that is kept for leases, from the first call to the last', async () => {
    const { clock, cluster } = setUp()
    const marks: (readonly [string, boolean | undefined])[] = []
    const kube: LeadOptions['kube'] = {
      get: (target, options) => (marks.push(['get', options?.ownLease]), cluster.kube.get(target, options)),
      create: (kind, object, options) => (marks.push(['create', options?.ownLease]), cluster.kube.create(kind, object, options)),
      patch: (target, options) => (marks.push(['patch', options.ownLease]), cluster.kube.patch(target, options)),
    }
    const leadership = lead({ kube, clock, telemetry: quietTelemetry(), controller: 'toy', lease: { namespace: 'default', name: 'toy' }, identity: 'a', signal: new AbortController().signal })
    await clock.advance(6_000)
    await leadership.release()
    expect(marks).toEqual(['get', 'create', 'get', 'patch', 'get', 'patch'].map((verb) => [verb, true]))
  })

  it('waits while another renews, and takes over when it stops', async () => {
    const { clock, cluster, run, spec } = setUp()
    run('a')
    await clock.advance(0)
    const b = run('b')
    await clock.advance(300_000)
    expect([b.state.acquired, b.holding()]).toEqual([false, false])
    const paused = { on: true }
    cluster.before = ({ verb, body }) => {
      if (paused.on && verb === 'patch' && (body as { spec: Spec }).spec['holderIdentity'] === 'a') throw new KubeError('unreachable', 'patch lease')
    }
    await clock.advance(29_000)
    expect(b.state.acquired).toBe(false)
    await clock.advance(12_000)
    expect([b.state.acquired, spec()['holderIdentity'], spec()['leaseTransitions']]).toEqual([true, 'b', 1])
  })

  it('holds no more 30 s after the last renewal, before another may take it', async () => {
    const { clock, cluster, run } = setUp()
    const a = run('a')
    await clock.advance(0)
    cluster.before = () => {
      throw new KubeError('timeout', 'patch lease')
    }
    await clock.advance(29_999)
    expect([a.holding(), a.state.lost]).toEqual([true, false])
    await clock.advance(1)
    expect([a.holding(), a.state.lost]).toEqual([false, true])
  })

  it('loses in time when the server hangs', async () => {
    const { clock, cluster, run } = setUp()
    const a = run('a')
    await clock.advance(0)
    cluster.before = () => new Promise(() => undefined)
    await clock.advance(30_000)
    expect(a.holding()).toBe(false)
  })

  it('opens no fence again: a renewal that is answered after the deadline comes too late', async () => {
    const { clock, cluster, run, spec } = setUp()
    const a = run('a')
    await clock.advance(24_999)
    const gate = Promise.withResolvers<void>()
    cluster.before = ({ verb }) => (verb === 'patch' ? gate.promise : undefined)
    await clock.advance(25_002) // the renewal of 25 s hangs, and the one before was at 20 s
    expect(a.holding()).toBe(false)
    gate.resolve()
    await clock.advance(0)
    expect(spec()['renewTime']).toBe('2026-01-02T03:04:30.000000Z') // it was carried out
    expect([a.holding(), a.state.lost]).toEqual([false, true])
  })

  it('does not run again for a lease that another held in between', async () => {
    const { clock, run, spec, takeBy } = setUp()
    const a = run('a')
    await clock.advance(0)
    takeBy('')
    await clock.advance(5_000)
    expect([a.holding(), a.state.lost, spec()['holderIdentity']]).toEqual([false, true, ''])
  })

  it('says so when renewing breaks: nobody would end a process whose writes are all refused', async () => {
    const { clock, cluster, run } = setUp()
    const a = run('a')
    await clock.advance(0)
    cluster.before = () => {
      throw new TypeError('a bug')
    }
    await clock.advance(5_000)
    expect(a.state).toEqual({ acquired: true, lost: false, broke: 'TypeError: a bug' })
  })

  it('notices that another took the lease', async () => {
    const { clock, run, takeBy } = setUp()
    const a = run('a')
    await clock.advance(0)
    takeBy('b')
    await clock.advance(5_000)
    expect([a.holding(), a.state.lost]).toEqual([false, true])
  })

  it('loses a race for an expired lease and waits again', async () => {
    const { clock, cluster, run, takeBy } = setUp()
    run('a')
    await clock.advance(0)
    takeBy('')
    const raced = { yet: false }
    cluster.before = ({ verb }) => {
      if (verb !== 'patch' || raced.yet) return
      raced.yet = true
      takeBy('c')
    }
    const b = run('b')
    await clock.advance(0)
    expect(b.state.acquired).toBe(false)
  })

  it('hands over at once when released', async () => {
    const { clock, run, spec } = setUp()
    const a = run('a')
    await clock.advance(12_000)
    await a.release()
    expect(spec()).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 })
    expect([a.holding(), a.state.lost, clock.pending()]).toEqual([false, false, 0])
    const b = run('b')
    await clock.advance(0)
    expect(b.state.acquired).toBe(true)
  })

  it.each<readonly [string, (gate: Promise<void>) => Promise<void>]>([
    ['acquired while it was stopping', (gate) => gate],
    [
      'acquired by a request whose answer was lost',
      async (gate) => {
        await gate
        throw new KubeError('timeout', 'patch lease')
      },
    ],
  ])('gives back a lease that was %s', async (...[, answer]) => {
    const { clock, cluster, run, spec, takeBy } = setUp()
    cluster.edit('toy', (object) => object)
    takeBy('')
    const gate = Promise.withResolvers<void>()
    const patched = { yet: false }
    cluster.before = async ({ verb, body }) => {
      if (verb !== 'patch' || patched.yet) return
      patched.yet = true
      await answer(gate.promise).catch((error: unknown) => {
        takeBy(String((body as { spec: Spec }).spec['holderIdentity'])) // it was carried out all the same
        throw error
      })
    }
    const stop = new AbortController()
    const a = run('a', clock, stop.signal)
    await clock.advance(0)
    expect(patched.yet).toBe(true)
    stop.abort(new Error('shutdown'))
    const released = a.release()
    gate.resolve()
    await released
    expect(spec()).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 })
    expect([a.state, a.holding(), clock.pending()]).toEqual([{ acquired: false, lost: false }, false, 0])
  })

  it('stops renewing when abandoned, and gives nothing back', async () => {
    const { clock, cluster, run, spec } = setUp()
    const a = run('a')
    await clock.advance(4_000)
    a.abandon()
    await clock.advance(60_000)
    expect([a.holding(), a.state.lost, clock.pending(), cluster.calls.length]).toEqual([false, false, 0, 2])
    expect(spec()['holderIdentity']).toBe('a')
  })

  it('asks for nothing when a follower stops', async () => {
    const { clock, cluster, run } = setUp()
    run('a')
    await clock.advance(0)
    const b = run('b')
    await clock.advance(0)
    const before = cluster.calls.length
    await b.release()
    expect(cluster.calls).toHaveLength(before)
  })

  it('does not give back what another holds', async () => {
    const { clock, run, spec, takeBy } = setUp()
    const a = run('a')
    await clock.advance(0)
    takeBy('b')
    await a.release()
    expect(spec()['holderIdentity']).toBe('b')
  })

  it('stops waiting when told to', async () => {
    const { clock, run } = setUp()
    run('a')
    await clock.advance(0)
    const abort = new AbortController()
    const b = run('b', clock, abort.signal)
    await clock.advance(1_000)
    abort.abort(new Error('shutdown'))
    await expect(b.acquired).rejects.toThrow('shutdown')
    await clock.advance(0) // a process that fails releases nothing: no rejection may be left that nobody handles
    expect(b.state).toEqual({ acquired: false, lost: false })
    await b.release()
  })
})
