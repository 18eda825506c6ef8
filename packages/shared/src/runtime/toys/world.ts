import type { EventRecord } from '@weir/shared/events'
import { KubeError, type KubeObject } from '@weir/shared/kube'
import { quietTelemetry } from '@weir/shared/telemetry'
import type { Clock } from '../clock.ts'
import { createController, type ControllerOptions, type Decoded, type RunEnd } from '../controller.ts'
import type { KindTable, OwnStatus } from '../kind-table.ts'
import { ready } from '../outcome.ts'
import { createLimit } from '../queue/limit.ts'
import type { Step } from '../step.ts'
import { createMemoryCluster, type Call } from './memory-cluster.ts'
import { appTable, type Toy } from './toy-table.ts'

export type ToyStep = Step<OwnStatus<Toy>>
export type Plain = Readonly<Record<string, unknown>>

/** A spec with `invalid` in it cannot be decoded. */
function decodeToy(object: unknown): Decoded<Toy> {
  const toy = object as Toy
  return toy.spec.interval === 'invalid' ? { ok: false, field: 'spec.interval', message: 'not a duration' } : { ok: true, value: toy }
}

export const done = ready('Succeeded', 'stored')

/** The clock of the testing room. */
type MovableClock = Clock & { advance(ms: number): Promise<void>; pending(): number }

/** A controller of toys on a memory cluster and a fake clock. */
export function createWorld(clock: MovableClock, given: Partial<ControllerOptions<Toy>> & { readonly table?: KindTable<Toy>; readonly concurrent?: number } = {}) {
  const telemetry = quietTelemetry()
  const cluster = createMemoryCluster<Toy>(decodeToy, () => new KubeError('conflict', 'patch toy'))
  const events: EventRecord[] = []
  const ends: RunEnd<Toy>[] = []
  const limit = createLimit(given.concurrent ?? 4)
  const controller = createController<Toy>({
    table: appTable,
    kube: cluster.kube,
    cache: cluster.cache,
    clock,
    telemetry,
    limit,
    recorder: { record: (record: EventRecord) => void events.push(record), close: async () => undefined },
    retry: { minMs: 750, maxMs: 900_000 },
    jitterPercent: 0,
    reconcile: async () => done,
    finalize: async () => 'finalized',
    settled: (end) => void ends.push(end),
    ...given,
  })
  const settle = (): Promise<void> => clock.advance(0)
  const create = async (name = 'a', change: (object: KubeObject) => KubeObject = (object) => object): Promise<void> => {
    cluster.edit(name, (object) => change({ ...object, metadata: { ...object.metadata, finalizers: [appTable.finalizer] } }))
    await settle()
  }
  const patches = (): readonly Call[] => cluster.calls.filter(({ verb }) => verb === 'patch')
  const statusOf = (name = 'a'): NonNullable<Toy['status']> => (cluster.object(name) as unknown as Toy | undefined)?.status ?? {}
  const readyOf = (name = 'a'): string => {
    const found = statusOf(name).conditions?.find(({ type }) => type === 'Ready')
    return `${found?.status} ${found?.reason} ${found?.message}`
  }
  const setSpec = (spec: Plain): void => cluster.edit('a', (object) => ({ ...object, spec }) as unknown as KubeObject)
  const annotate = (annotations: Readonly<Record<string, string>>): void => cluster.edit('a', (object) => ({ ...object, metadata: { ...object.metadata, annotations } }))
  return { clock, cluster, controller, events, ends, settle, create, patches, statusOf, readyOf, setSpec, annotate, telemetry, limit }
}

/** A step body that ends when told, and tells how often it began. */
export function gated<T>(value: T) {
  const gates: ((value: T) => void)[] = []
  const body = (signal: AbortSignal): Promise<T> =>
    new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      gates.push(() => resolve(value))
    })
  return { body, begun: () => gates.length, open: () => gates.at(-1)?.(value) }
}

/** The toy that `create` makes. */
export const key = { namespace: 'default', name: 'a' }
