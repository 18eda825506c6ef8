import { setTimeout as pause } from 'node:timers/promises'
import { conditionTypes, fieldManagers, kustomizationKind } from '@weir/shared/api'
import { grantsOf, installObjects, startControlPlane, type ControlPlane } from '@weir/shared/control-plane'
import { identify, inventoryId, withOwner, type KubeObject } from '@weir/shared/manifest'
import { installChart } from '@weir/shared/testing'
import { countWork } from './audit.ts'
import { createBareClient, type BareClient } from './bare-client.ts'
import { round, type PhaseSeconds } from './figures.ts'
import { appKinds, appsNamespace, deploymentKind, kustomizationOf, objectsOf, ownNamespace, type Release, type Shape } from './fleet.ts'
import { isRolled } from './judge.ts'
import { observe, type Observed } from './observe.ts'
import type { Pace } from './pace.ts'
import { forEach } from './pool.ts'

/** What the limit and the creator of a fleet may have in flight. */
export const connections = 16

export const phaseTimeoutMs = 1_800_000

export interface LimitOptions {
  readonly names: readonly string[]
  readonly shape: Shape
  readonly pace: Pick<Pace, 'settleMs'>
  readonly onProgress: (line: string) => void
  readonly signal: AbortSignal
}

export interface LimitFigures extends PhaseSeconds {
  /** Of one phase, the worse one. */
  readonly callsPerKustomization: number
}

/**
 * The least that any controller can do: a bare client creates each Kustomization, applies its four objects, patches its
 * status once and is done when every Deployment has rolled; then the same for the upgrade. On a freshly booted control plane of
 * its own, with a certificate of the same kind as a controller's, so that the API server treats both alike.
 */
export async function measureLimit({ names, shape, pace, onProgress, signal }: LimitOptions): Promise<LimitFigures> {
  onProgress('limit: starting a control plane')
  await using cluster = await startControlPlane({ fleet: 'full', onProgress, signal })
  await prepare(cluster)
  await using setup = await connect(cluster, signal)
  await pause(pace.settleMs, undefined, { signal })
  const calls: number[] = []
  const phase = async (release: Release): Promise<number> => {
    const tail = await cluster.tailAudit()
    const seconds = await runPhase({ ...setup, names, shape, onProgress }, release)
    await pause(500)
    calls.push(countWork(await tail.take(), client).calls / names.length)
    onProgress(`limit: ${phaseName(release)} ${seconds} s`)
    return seconds
  }
  const installSeconds = await phase('first')
  const upgradeSeconds = await phase('second')
  return { installSeconds, upgradeSeconds, callsPerKustomization: round(Math.max(...calls)) }
}

const user = 'limit'
const client = { userAgent: 'weir-bench-limit' }

async function prepare(cluster: ControlPlane): Promise<void> {
  await installChart(cluster)
  const rights = grantsOf(user, [], 'cluster-admin')
  await installObjects([namespaceOf(appsNamespace), ...rights], { kubeconfig: cluster.kubeconfig() })
}

export function namespaceOf(name: string): KubeObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }
}

interface Connected {
  readonly writer: BareClient
  readonly deployments: Observed
}

async function connect(cluster: ControlPlane, signal: AbortSignal): Promise<Connected & AsyncDisposable> {
  const kubeconfig = cluster.kubeconfig(user)
  const writer = await createBareClient({ kubeconfig, userAgent: client.userAgent, connections })
  const reader = await createBareClient({ kubeconfig, userAgent: client.userAgent, connections: 1 })
  const deployments = observe(reader, { kind: deploymentKind, namespace: appsNamespace, signal })
  return {
    writer,
    deployments,
    async [Symbol.asyncDispose]() {
      deployments.close()
      await Promise.all([writer.close(), reader.close()])
    },
  }
}

async function runPhase({ writer, deployments, names, shape, onProgress }: Connected & Pick<LimitOptions, 'names' | 'shape' | 'onProgress'>, release: Release): Promise<number> {
  const generations = new Map<string, number>()
  const startedMs = performance.now()
  await forEach(names, connections, async (name) => {
    if (release === 'first') await writer.create(kustomizationKind, kustomizationOf(shape, name))
    const generation = await applyApp(writer, name, release)
    generations.set(name, generation)
    await writer.mergePatch(kustomizationKind, { namespace: ownNamespace, name }, { body: { status: statusOf(name, release) }, manager: fieldManagers.kustomizeStatus, subresource: 'status' })
  })
  onProgress(`limit: all written after ${round((performance.now() - startedMs) / 1000, 1)} s`)
  const endedMs = await deployments.until('limit: Deployments rolled', names, {
    isDone: (object) => isRolled(object, generations.get(object.metadata.name) ?? Infinity),
    timeoutMs: phaseTimeoutMs,
    onProgress,
  })
  return round((endedMs - startedMs) / 1000)
}

/** The generation of the Deployment that the apply led to. */
async function applyApp(writer: BareClient, name: string, release: Release): Promise<number> {
  const owner = { namespace: ownNamespace, name }
  let generation = 0
  for (const [at, object] of objectsOf(name, release).entries()) {
    const kind = appKinds[at]
    if (kind === undefined) throw new Error(`no kind for ${object.kind}`)
    const applied = await writer.apply(kind, withOwner(object, owner), fieldManagers.kustomizeApply)
    generation = applied.metadata.generation ?? generation
  }
  return generation
}

/** As long as the status that a controller writes at the end of a run. */
function statusOf(name: string, release: Release): object {
  const revision = `main@sha1:${release.padEnd(40, '0')}`
  const lastTransitionTime = new Date().toISOString().replace(/\.\d+Z$/, 'Z')
  const condition = (type: string, reason: string, message: string): object => ({ type, status: 'True', reason, message, observedGeneration: 1, lastTransitionTime })
  const entries = objectsOf(name, release).map((object) => ({ id: inventoryId(identify(object)), v: 'v1' }))
  const run = { digest: `sha256:${'0'.repeat(64)}`, firstReconciled: lastTransitionTime, lastReconciled: lastTransitionTime, lastReconciledDuration: '1.000000000s' }
  return {
    conditions: [
      condition(conditionTypes.ready, 'ReconciliationSucceeded', `Applied revision: ${revision}`),
      condition('Healthy', 'Succeeded', 'Health check passed in 1s'),
    ],
    inventory: { entries },
    history: [{ ...run, lastReconciledStatus: 'ReconciliationSucceeded', totalReconciliations: 1, metadata: { revision } }],
    lastAppliedRevision: revision,
    lastAttemptedRevision: revision,
    observedGeneration: 1,
  }
}

export function phaseName(release: Release): string {
  return release === 'first' ? 'install' : 'upgrade'
}
