import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Cluster } from '@weir/shared/control-plane'
import { quietTelemetry } from '@weir/shared/telemetry'
import { createRandom, startFaultProxy, testControlPlane, type FaultRule } from '@weir/shared/testing'
import { createCache } from '../cache.ts'
import { loadConfig, type KubeConfig } from '../connection/config.ts'
import { KubeError } from '../kube-error.ts'
import { createKube, type Kube } from '../kube.ts'
import { configMaps, kubeconfigFor } from '../toys/scripted-server.ts'

const telemetry = quietTelemetry()
let cluster: Cluster
let config: KubeConfig
let direct: Kube

beforeAll(async () => {
  cluster = await testControlPlane({ fleet: 'api' })
  config = await loadConfig({ kubeconfig: cluster.kubeconfig() })
  direct = await createKube({ config, userAgent: 'weir-direct', telemetry })
})
afterAll(async () => {
  await direct?.close()
  await cluster?.stop()
})

const watches = /watch=1/
const rules: readonly FaultRule[] = [
  { path: watches, probability: 0.1, fault: { kind: 'status', status: 410 } },
  { path: watches, probability: 0.1, fault: { kind: 'gone-event', afterMs: 60 } },
  { path: watches, probability: 0.2, fault: { kind: 'cut', afterBytes: 700 } },
  { path: watches, probability: 0.2, fault: { kind: 'cut', afterMs: 80 } },
  { path: watches, probability: 0.1, fault: { kind: 'status', status: 500 } },
  { path: watches, probability: 0.1, fault: { kind: 'stall', at: 'response', ms: 5_000 } },
  { path: watches, probability: 0.2, fault: { kind: 'duplicate-lines' } },
  { probability: 0.1, fault: { kind: 'status', status: 429, retryAfterSeconds: 0 } },
  { probability: 0.1, fault: { kind: 'truncate', keepBytes: 300 } },
  { probability: 0.1, fault: { kind: 'reset', at: 'response' } },
  { path: watches, fault: { kind: 'cut', afterMs: 150 } }, // none lives long
]

/** Writes at random, and shows the cache some of the answers, late, as a reconciler does. */
async function churn(random: () => number, names: readonly string[], observe: (answer: Awaited<ReturnType<Kube['apply']>>) => void): Promise<void> {
  for (let i = 0; i < 150; i++) {
    const name = names[Math.floor(random() * names.length)] ?? ''
    const target = { resource: configMaps, namespace: 'default', name }
    if (random() < 0.3) {
      await direct.delete(target)
      continue
    }
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default', annotations: { at: String(i) } } }
    const answer = await direct.apply(target, object, { manager: 'weir', force: true })
    if (random() < 0.5) setTimeout(() => observe(answer), random() * 60)
    await pause(random() * 10)
  }
  await pause(100)
}

describe('a cache behind a connection that breaks all the time', () => {
  it.each([1, 2, 3])('ends as the cluster is (seed %d)', async (seed) => {
    const { tls } = await config.credentials()
    const text = (part: string | Buffer | undefined): string => part?.toString() ?? ''
    const proxy = await startFaultProxy({ target: config.server, seed, rules, targetTls: { ca: text(tls.ca), cert: text(tls.cert), key: text(tls.key) } })
    const limits = { watchPauseMs: 10, watchOpenMs: 1_000, silenceMs: 1_000 }
    const kube = await createKube({ config: await loadConfig({ text: kubeconfigFor(proxy.url, {}) }), userAgent: 'weir-faults', telemetry, limits })
    const ending = new AbortController()
    try {
      const cache = createCache({ kube, kind: configMaps, namespace: 'default', decode: ({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`, signal: ending.signal })
      const told = new Map<string, string>()
      const odd: string[] = []
      cache.onChange(({ type, before, after }) => {
        const [name = ''] = (after ?? before ?? '').split('@')
        // Whoever follows the events must come to hold what the cache holds.
        if (told.get(name) !== before) odd.push(`${type} ${name}: ${told.get(name) ?? ''} is not ${before ?? ''}`)
        if (type === 'removed') told.delete(name)
        else told.set(name, after)
      })
      await cache.synced
      const random = createRandom(seed)
      await churn(random, Array.from({ length: 12 }, (_, index) => `churn-${index}`), (answer) => cache.observe(answer))
      expect(proxy.injected().length).toBeGreaterThan(3)
      proxy.use([])
      const { items, resourceVersion } = await direct.list(configMaps, { namespace: 'default', metadataOnly: true })
      const truth = items.map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`).toSorted()
      const isThere = (): boolean => JSON.stringify(cache.list().toSorted()) === JSON.stringify(truth)
      for (let i = 0; i < 1_000 && !isThere(); i++) await pause(20)
      if (!isThere()) throw new Error(`${proxy.describe()}\nat ${resourceVersion}: ${cache.list().toSorted().join()} is not ${truth.join()}`)
      expect([...told.values()].toSorted()).toEqual(truth)
      expect(odd).toEqual([])
    } finally {
      ending.abort(new KubeError('aborted', 'the test ends'))
      await kube.close()
      await proxy.close()
    }
  })
})
