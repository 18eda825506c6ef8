import { expect, it } from '@jest/globals'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { randomUUID } from 'node:crypto'
import type { Discovery, Kube } from '@weir/shared/kube'
import { shortDigest } from '@weir/shared/manifest'
import { quietTelemetry } from '@weir/shared/telemetry'
import { factsOf } from './facts.ts'
import { createLiveSet } from './live-set.ts'
import { beginWrite, endWrite } from './observe.ts'
import { chainOf } from './state.ts'

const owners = 2_000
const warmUp = 100
const kinds = ['_ConfigMap', '_Secret', '_ServiceAccount', '_Service', 'apps_Deployment'].flatMap((kind) => ['web', 'db', 'mq', 'ui'].map((part) => ({ kind, part })))

it('keeps an object of a fleet in less than 300 bytes', () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  // Never started: what an API server would say is said by hand below.
  const discovery = { onChange: () => () => undefined } as unknown as Discovery
  const live = createLiveSet({ kube: { discovery } as Kube, telemetry: quietTelemetry(), onDrift: () => undefined })
  for (let number = 0; number < warmUp; number++) fill(number)
  collect()
  const before = process.memoryUsage().heapUsed
  for (let number = warmUp; number < warmUp + owners; number++) fill(number)
  collect()
  const perObject = (process.memoryUsage().heapUsed - before) / (owners * kinds.length)
  expect(live.size().objects).toBe((owners + warmUp) * kinds.length)
  expect(perObject).toBeLessThan(300)
  live.close()

  function fill(number: number): void {
    const owner = { namespace: 'bench', name: `app-${number}` }
    live.track(owner, kinds.map(({ kind, part }) => ({ id: `bench_${part}-${number}_${kind}`, v: 'v1' })))
    for (const { kind, part } of kinds) {
      for (const entry of chainOf(live.state, `bench_${part}-${number}_${kind}`)) {
        const object = objectOf(number, kind)
        beginWrite(entry)
        endWrite(live.state, entry, { object, whole: false, digest: shortDigest(`${number} ${kind}`), merges: false })
      }
    }
  }
})

function objectOf(number: number, kind: string) {
  const fieldsV1 = { 'f:data': { 'f:value': {} } }
  return {
    apiVersion: 'v1',
    kind: kind.split('_')[1] ?? '',
    metadata: {
      name: `app-${number}`,
      namespace: 'bench',
      uid: randomUUID(),
      resourceVersion: String(100_000 + number),
      generation: 1,
      managedFields: [{ manager: 'kustomize-controller', operation: 'Apply' as const, apiVersion: 'v1', time: '2026-01-01T00:00:00Z', fieldsV1 }],
    },
  }
}

it('reads the facts of an object that has no metadata beyond its name', () => {
  const facts = factsOf({ apiVersion: 'v1', kind: 'X', metadata: { name: 'a' } }, { manager: 'm', isOverridden: () => false, whole: true, now: 0 })
  expect(facts).toMatchObject({ uid: '', version: 0, fields: 0, fieldsAt: 0, owner: undefined, overridden: false })
})
