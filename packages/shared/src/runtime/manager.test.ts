import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it } from '@jest/globals'
import type { Bus } from '@weir/shared/events'
import { serve } from '@weir/shared/http'
import { createKube, KubeError, loadConfig, type Kube } from '@weir/shared/kube'
import { quietTelemetry } from '@weir/shared/telemetry'
import { systemClock } from './clock.ts'
import { runProcess, type Member, type ProcessOptions } from './manager.ts'
import type { Host, Started } from './process/host.ts'
import { createMemoryCluster } from './toys/memory-cluster.ts'

const noBus = { close: async () => undefined } as unknown as Bus

interface Given {
  readonly started?: Partial<Started>
  readonly election?: Partial<NonNullable<Member['election']>>
  /** What the start waits for. */
  starting?(host: Host): Promise<unknown>
}

function setUp(given: Given = {}) {
  const told: string[] = []
  const hosts: Host[] = []
  const fences: (() => boolean)[] = []
  const cluster = createMemoryCluster((object) => ({ ok: true, value: object }), () => new KubeError('conflict', 'patch lease'))
  const kube: Kube = { ...cluster.kube, fence: (mayWrite) => void fences.push(mayWrite), as: () => kube }
  const election = given.election && { namespace: 'default', name: 'toy', identity: 'me', release: true, durations: { leaseMs: 300, renewMs: 200, retryMs: 20 }, ...given.election }
  const member: Member = {
    controller: 'toy-controller',
    kube,
    ...(election ? { election } : {}),
    async start(host) {
      hosts.push(host)
      await given.starting?.(host)
      return {
        ready: Promise.resolve(),
        drain: async (graceMs) => void told.push(`drain ${graceMs}`),
        abandon: () => void told.push('abandon'),
        close: async () => void told.push('close'),
        ...given.started,
      }
    },
  }
  const stop = new AbortController()
  const addresses: { health?: string | undefined; metrics?: string | undefined } = {}
  const readiness = Promise.withResolvers<undefined>()
  const options: ProcessOptions = {
    members: [member],
    bus: noBus,
    telemetry: quietTelemetry(),
    clock: systemClock,
    healthAddress: '127.0.0.1:0',
    metricsAddress: '127.0.0.1:0',
    graceMs: 123,
    stop: stop.signal,
    onServing: (served) => void Object.assign(addresses, served),
    onReady: () => readiness.resolve(undefined),
  }
  return { options, stop, told, hosts, fences, cluster, addresses, ready: readiness.promise }
}

const get = async (address: string | undefined, path: string): Promise<string> => {
  const answer = await fetch(`http://${address}${path}`)
  return `${answer.status} ${(await answer.text()).trim()}`
}

describe('runProcess', () => {
  it('serves health and metrics, and stops as asked with 0', async () => {
    const world = setUp()
    const ended = runProcess(world.options)
    await world.ready
    world.hosts[0]?.telemetry.metrics.counter('toy_total', 'Toys.', []).inc({})
    expect(await get(world.addresses.health, '/healthz')).toBe('200 ok')
    expect(await get(world.addresses.health, '/readyz')).toBe('200 ok')
    expect(await get(world.addresses.health, '/metrics')).toContain('toy_total 1')
    world.stop.abort()
    expect(await ended).toBe(0)
    expect(world.told).toEqual(['drain 123', 'close'])
    expect(world.hosts[0]?.signal.reason).toMatchObject({ why: 'shutdown' })
    await expect(fetch(`http://${world.addresses.health}/healthz`)).rejects.toThrow()
  })

  it('is not ready before the controller is', async () => {
    const synced = Promise.withResolvers<undefined>()
    const world = setUp({ started: { ready: synced.promise } })
    const ended = runProcess({ ...world.options, metricsAddress: '0' })
    while (world.hosts.length === 0) await systemClock.sleep(1)
    expect(await get(world.addresses.health, '/readyz')).toContain('500 [-]toy-controller/controller not ready')
    synced.resolve(undefined)
    await world.ready
    expect(await get(world.addresses.health, '/readyz')).toBe('200 ok')
    expect(await get(world.addresses.health, '/metrics')).toContain('404')
    world.stop.abort()
    expect(await ended).toBe(0)
  })

  it('is not ready while a controller starts or waits for its turn to', async () => {
    const gate = Promise.withResolvers<void>()
    const world = setUp({ starting: () => gate.promise })
    const members = world.options.members.flatMap((member) => [member, { ...member, controller: 'other-controller' }])
    const ended = runProcess({ ...world.options, members })
    while (world.hosts.length === 0) await systemClock.sleep(1)
    expect(await get(world.addresses.health, '/readyz')).toBe('500 [-]other-controller/controller not ready\n[-]toy-controller/controller not ready')
    expect(await get(world.addresses.health, '/healthz')).toBe('200 ok')
    gate.resolve()
    await world.ready
    expect(await get(world.addresses.health, '/readyz')).toBe('200 ok')
    world.stop.abort()
    expect(await ended).toBe(0)
  })

  it('ends with 1 when a controller cannot start', async () => {
    const world = setUp({ starting: () => Promise.reject(new Error('no folder')) })
    expect(await runProcess(world.options)).toBe(1)
    expect(world.told).toEqual([])
  })

  it('ends with 1 when a controller cannot work', async () => {
    const world = setUp({ started: { ready: Promise.reject(new Error('no CRD')) } })
    expect(await runProcess(world.options)).toBe(1)
    expect(world.told).toEqual(['abandon', 'close'])
  })

  it('ends with 1 when a follower that was ready cannot work once it leads', async () => {
    const working = Promise.withResolvers<void>()
    const world = setUp({ started: { working: working.promise } })
    const code = runProcess(world.options)
    await world.ready
    working.reject(new Error('port taken'))
    expect(await code).toBe(1)
    expect(world.told).toEqual(['abandon', 'close'])
  })

  it.each([
    ['fails', 1],
    ['is stopped and is not to give its lease back', 0],
  ])('a controller that %s renews its lease no more', async (...[, expected]) => {
    const working = Promise.withResolvers<void>()
    const world = setUp({ election: { release: false }, started: { working: working.promise } })
    const code = runProcess(world.options)
    await world.ready
    await world.hosts[0]?.leading
    if (expected === 0) world.stop.abort()
    else working.reject(new Error('port taken'))
    expect(await code).toBe(expected)
    const calls = world.cluster.calls.length
    await systemClock.sleep(100)
    expect(world.cluster.calls.length).toBe(calls)
    expect(world.cluster.object('toy')).toMatchObject({ spec: { holderIdentity: 'me' } })
  })

  it('ends with 1 when an address is taken', async () => {
    const first = setUp()
    const ended = runProcess(first.options)
    await first.ready
    const second = setUp()
    expect(await runProcess({ ...second.options, healthAddress: first.addresses.health ?? '' })).toBe(1)
    expect(second.hosts).toHaveLength(0)
    first.stop.abort()
    expect(await ended).toBe(0)
  })

  it('leads before it says so, fences the connection, and gives the lease back after the drain', async () => {
    const world = setUp({ election: {} })
    const ended = runProcess(world.options)
    await world.ready
    await world.hosts[0]?.leading
    expect(world.fences.map((mayWrite) => mayWrite())).toEqual([true])
    world.stop.abort()
    expect(await ended).toBe(0)
    expect(world.cluster.object('toy')).toMatchObject({ spec: { holderIdentity: '' } })
    expect(world.fences.map((mayWrite) => mayWrite())).toEqual([false])
  })

  it('ends with 1 when the lease is lost, and drains nothing', async () => {
    const world = setUp({ election: {} })
    const ended = runProcess(world.options)
    await world.hosts[0]?.leading
    await world.ready
    await systemClock.sleep(50)
    world.cluster.before = () => {
      throw new KubeError('unreachable', 'patch lease')
    }
    expect(await ended).toBe(1)
    expect(world.told).toEqual(['abandon', 'close'])
    expect(world.hosts[0]?.signal.reason).toMatchObject({ why: 'lost-lease' })
  })

  it('ends with 1 when the lease can be renewed no more for a reason that nobody expects', async () => {
    const world = setUp({ election: {} })
    const ended = runProcess(world.options)
    await world.ready
    await world.hosts[0]?.leading
    world.cluster.before = () => {
      throw new TypeError('a bug')
    }
    expect(await ended).toBe(1)
    expect(world.told).toEqual(['abandon', 'close'])
  })

  it('stops a follower that never led', async () => {
    const other = setUp({ election: { identity: 'other' } })
    const otherEnded = runProcess(other.options)
    await other.ready
    const world = setUp({ election: {} })
    world.cluster.edit('toy', (object) => ({ ...object, spec: { holderIdentity: 'other', leaseDurationSeconds: 60 } }) as typeof object)
    const ended = runProcess(world.options)
    await world.ready
    world.stop.abort()
    expect(await ended).toBe(0)
    expect(world.cluster.object('toy')).toMatchObject({ spec: { holderIdentity: 'other' } })
    other.stop.abort()
    expect(await otherEnded).toBe(0)
  })
})

describe('a stop while controllers start', () => {
  const isAborted = ({ signal }: Host): Promise<unknown> => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))

  it.each<readonly [string, Given['starting']]>([
    ['gives up when told', isAborted],
    ['cannot be stopped', () => new Promise(() => undefined)],
  ])('ends in order where one %s', async (...[, starting]) => {
    const world = setUp({ election: {}, ...(starting && { starting }) })
    const ended = runProcess(world.options)
    while (world.hosts.length === 0) await systemClock.sleep(1)
    await world.hosts[0]?.leading
    world.stop.abort()
    expect(await ended).toBe(0)
    expect(world.told).toEqual([])
    expect(world.hosts[0]?.signal.reason).toMatchObject({ why: 'shutdown' })
    expect(world.cluster.object('toy')).toMatchObject({ spec: { holderIdentity: '' } })
  })

  it('closes what has started only after the end was decided, and lets it do nothing', async () => {
    const gate = Promise.withResolvers<void>()
    const world = setUp({ starting: () => gate.promise })
    const ended = runProcess(world.options)
    while (world.hosts.length === 0) await systemClock.sleep(1)
    world.stop.abort()
    expect(await ended).toBe(0)
    gate.resolve()
    while (world.told.length < 2) await systemClock.sleep(1)
    expect(world.told).toEqual(['abandon', 'close'])
  })

  it('drains the controllers that work, whose watches end after that', async () => {
    const first = setUp()
    const seen: boolean[] = []
    const [working] = first.options.members
    const member: Member = {
      controller: 'toy-controller',
      kube: working?.kube as Kube,
      start: async (host) => ({ ready: Promise.resolve(), drain: async () => void seen.push(host.signal.aborted), abandon: () => undefined, close: async () => undefined }),
    }
    const second = setUp({ starting: isAborted })
    const ended = runProcess({ ...first.options, members: [member, ...second.options.members] })
    while (second.hosts.length === 0) await systemClock.sleep(1)
    first.stop.abort()
    expect(await ended).toBe(0)
    expect(seen).toEqual([false])
    expect(second.told).toEqual([])
  })
})

describe('the limit of a controller', () => {
  it('is told of every 429 that its calls are answered, and halves once for those of one call', async () => {
    const answers = [429, 429, 200]
    const server = await serve({
      address: '127.0.0.1:0',
      telemetry: quietTelemetry(),
      handler: (_, response) => void response.writeHead(answers.shift() ?? 200, { 'content-type': 'application/json' }).end(JSON.stringify({ metadata: { name: 'a', namespace: 'n' } })),
    })
    const kubeconfig = { 'current-context': 'c', contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }], clusters: [{ name: 'k', cluster: { server: server.url } }], users: [{ name: 'u', user: { token: 't' } }] }
    const kube = await createKube({ config: await loadConfig({ text: JSON.stringify(kubeconfig) }), userAgent: 'weir-test', telemetry: quietTelemetry() })
    const world = setUp()
    const members = world.options.members.map((member) => ({ ...member, kube }))
    const ended = runProcess({ ...world.options, members })
    await world.ready
    const [host] = world.hosts
    const limit = host?.limit(undefined)
    const read = (through: Pick<Kube, 'get'> | undefined): Promise<unknown> | undefined =>
      through?.get({ resource: { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true }, namespace: 'n', name: 'a' })
    await read(kube) // of nobody in particular
    expect([limit?.current(), answers]).toEqual([8, []])
    answers.push(429, 429, 200)
    await read(host?.kube)
    expect([limit?.current(), answers]).toEqual([4, []])
    world.stop.abort()
    expect(await ended).toBe(0)
    await kube.close()
    await server.close()
  })
})

describe('stopSignal', () => {
  const script = `
    const { stopSignal } = await import(${JSON.stringify(new URL('./manager.ts', import.meta.url).href)})
    const { signal } = stopSignal(process)
    signal.addEventListener('abort', () => process.argv[1] === 'obey' ? process.exit(0) : console.log('draining'))
    setInterval(() => undefined, 1000)
    console.log('up')`

  /** Sends each signal when the one before was heard. */
  async function endOf(mode: string, signals: readonly NodeJS.Signals[]): Promise<number | null> {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, mode], { stdio: ['ignore', 'pipe', 'inherit'] })
    const left = [...signals]
    child.stdout.on('data', () => child.kill(left.shift()))
    const [code] = (await once(child, 'exit')) as [number | null]
    return code
  }

  it.each<readonly [string, readonly NodeJS.Signals[], number]>([
    ['obey', ['SIGTERM'], 0],
    ['obey', ['SIGINT'], 0],
    ['drain', ['SIGTERM', 'SIGTERM'], 143],
    ['drain', ['SIGTERM', 'SIGINT'], 130],
  ])('%s %j ends with %d', async (...[mode, signals, code]) => {
    expect(await endOf(mode, signals)).toBe(code)
  })
})
