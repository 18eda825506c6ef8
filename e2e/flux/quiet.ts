import { kustomizationKind, type GitRepository, type Kustomization } from '@weir/shared/api'
import { readKustomization, readRepository, readyOf, until } from '../fleet.ts'
import { namespace, root, type Side, type World } from './world.ts'

/** User agents of both sides' controllers. */
export const clients: Readonly<Record<Side, RegExp>> = { weir: /^weir-(source|kustomize)-controller/, flux: /^(source|kustomize)-controller\// }

/** A side has looked at everything it found at its start: for this long it made no call but for leases and watches. */
export async function untilQuiet(world: World, side: Side, forMs = 3_000): Promise<void> {
  await until(
    `${side} makes no calls`,
    async () => {
      const sinceMs = Date.now() - forMs
      const audit = await world.platform.cluster.readAudit()
      const calls = audit.filter(({ userAgent, verb, resource, startedAt }) => clients[side].test(userAgent) && verb !== 'watch' && resource !== 'leases' && startedAt.getTime() > sinceMs)
      return calls.length === 0 ? true : undefined
    },
    { everyMs: 500, timeoutMs: 120_000 },
  )
}

/** Flux's controllers have gone through every Kustomization since a moment: each run enters the history, to the second. */
export async function untilFluxLooked(world: World, sinceMs: number, skipped: readonly string[] = []): Promise<void> {
  const late: { names: readonly string[] } = { names: [] }
  await until(
    'Flux has reconciled every Kustomization',
    async () => {
      const all = await readAll(world)
      late.names = all.filter((each) => !skipped.includes(each.metadata.name) && !isFresh(each, sinceMs)).map(({ metadata }) => metadata.name)
      return late.names.length === 0 ? true : undefined
    },
    { everyMs: 250, timeoutMs: 180_000, seen: () => late.names },
  )
  await untilQuiet(world, 'flux')
}

async function readAll({ kube }: World): Promise<readonly Kustomization[]> {
  const { items } = await kube.list(kustomizationKind, { namespace })
  const all = await Promise.all(items.map(({ metadata }) => readKustomization(kube, { namespace, name: metadata.name })))
  return all.filter((each) => each !== undefined)
}

function isFresh(each: Kustomization, sinceMs: number): boolean {
  const last = each.status?.history?.[0]?.lastReconciled
  return readyOf(each)?.status === 'True' && last !== undefined && Date.parse(last) + 1_000 > sinceMs
}

/** The source as it is now. */
export async function readSource({ kube }: World): Promise<GitRepository['status']> {
  return (await readRepository(kube, root))?.status
}
