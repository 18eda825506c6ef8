import { setTimeout as pause } from 'node:timers/promises'
import { apiVersionOf, conditionTypes, gitRepositoryKind, kustomizationKind, type Condition, type GitRepository, type Kind, type Kustomization } from '@weir/shared/api'
import type { KubeObject } from '@weir/shared/kube'
import type { TestRepository } from '@weir/shared/testing'
import { applyAs, requestReconcile } from '../fleet.ts'
import { createJournal, type Journal } from '../invariants.ts'
import { editByHand } from './edit.ts'
import type { Unit } from './fleet-plan.ts'
import { judgeStatus, judgeText } from './judge.ts'
import type { Act, Plan } from './plan.ts'
import { baseFiles, declaredBy, filesOf, kustomizationOf, repositoryName, siteOf, type Site } from './render-unit.ts'
import { loginCanary, type World } from './world.ts'

/** A seed while it runs: what was told to the cluster so far. */
export interface Run {
  readonly world: World
  readonly plan: Plan
  readonly site: Site
  readonly journal: Journal
  readonly repositories: readonly TestRepository[]
  /** Last commit by repository. */
  readonly commits: string[]
  /** Files in each repository by unit, so that what a new state lacks is deleted. */
  readonly files: Map<string, readonly string[]>
  /** As declared now; deleted ones are not in it. */
  readonly units: Map<string, Unit>
  readonly unpruned: Set<string>
  readonly bases: string[]
  readonly violations: Set<string>
}

/** An administrator does not give up because the API server is away for a moment. */
export async function insist<T>(attempt: () => Promise<T>, timeoutMs = 30_000): Promise<T> {
  const endMs = performance.now() + timeoutMs
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (performance.now() > endMs) throw error
      await pause(100)
    }
  }
}

/** Creates the fleet of a plan: namespace, login, variables, repositories, Kustomizations. */
export async function install(world: World, plan: Plan): Promise<Run> {
  const site = siteOf(plan.seed)
  const { kube } = world.platform
  const { namespace } = site
  await insist(() => applyAs(kube, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }))
  const secrets = [
    { name: 'git', data: world.git.secret ?? {} },
    { name: 'variables', data: { canary: Buffer.from(site.canary).toString('base64') } },
  ]
  await Promise.all(secrets.map(({ name, data }) => insist(() => applyAs(kube, { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, data }))))
  const indices = Array.from({ length: plan.fleet.repositories }, (_, index) => index)
  const repositories = await Promise.all(indices.map((index) => world.git.createRepository(repositoryName(site, index))))
  const run: Run = { world, plan, site, journal: createJournal(), repositories, commits: [], files: new Map(), units: new Map(), unpruned: new Set(), bases: indices.map(() => plan.base), violations: new Set() }
  for (const index of indices) await commit(run, { repository: index, base: plan.base, units: plan.fleet.units.filter(({ repository }) => repository === index) })
  for (const unit of plan.fleet.units) run.units.set(unit.name, unit)
  world.trouble(plan.rules, plan.seed)
  await Promise.all(indices.map((index) => declareRepository(run, index)))
  await Promise.all(plan.fleet.units.map((unit) => declare(run, unit)))
  return run
}

async function declareRepository({ world, site }: Run, index: number): Promise<void> {
  const name = repositoryName(site, index)
  const spec = { url: world.gitUrl(name), interval: '1h', ref: { branch: 'main' }, secretRef: { name: 'git' } }
  await insist(() => applyAs(world.platform.kube, { apiVersion: apiVersionOf(gitRepositoryKind), kind: 'GitRepository', metadata: { name, namespace: site.namespace }, spec }))
}

async function declare(run: Run, unit: Unit): Promise<void> {
  if (!unit.prune) run.unpruned.add(unit.name)
  run.units.set(unit.name, unit)
  await insist(() => applyAs(run.world.platform.kube, kustomizationOf(run.site, unit)))
}

/** A broken state declares nothing new: what was last good stays declared. An unhealthy one is applied all the same. */
const isBuilt = ({ broken }: Unit): boolean => broken === undefined || broken === 'unhealthy'

async function commit(run: Run, { repository, base, units }: { readonly repository: number; readonly base: string; readonly units: readonly Unit[] }): Promise<void> {
  const { site, journal, files, commits } = run
  const changed: Record<string, string | undefined> = { ...baseFiles(site, base) }
  for (const unit of units) {
    const fresh = filesOf(site, unit)
    for (const name of files.get(unit.name) ?? []) changed[name] = undefined
    Object.assign(changed, fresh)
    files.set(unit.name, Object.keys(fresh))
    if (isBuilt(unit)) journal.push(unit.name, `commit ${commits.length}.${journal.revisions().length}`, declaredBy(site, unit))
    if (run.units.has(unit.name)) run.units.set(unit.name, unit)
  }
  run.bases[repository] = base
  const remote = run.repositories[repository]
  if (remote === undefined) throw new Error(`there is no repository ${repository}`)
  commits[repository] = await remote.commit(changed)
  const named = { namespace: site.namespace, name: repositoryName(site, repository) }
  await requestReconcile(run.world.platform.kube, gitRepositoryKind, named).catch(() => undefined) // a Git server does not wait for a cluster
}

/** Does what a step says; folders of apps that are gone stay in Git. */
export async function act(run: Run, step: Act): Promise<void> {
  const { world, site, journal } = run
  switch (step.kind) {
    case 'commit':
      return commit(run, step)
    case 'spec':
      return declare(run, step.unit)
    case 'delete':
      journal.push(step.unit, 'deleted', [])
      run.units.delete(step.unit)
      await insist(() => world.platform.kube.delete({ resource: kustomizationKind, namespace: site.namespace, name: step.unit }))
      return undefined
    case 'edit':
      return editByHand(world.platform.kube, site, step)
    case 'kill':
      return world.kill(step.whom, step)
    case 'pause':
      return freeze(world, step)
    case 'clock':
      return world.setClock(step.aheadMs)
    case 'settle':
      return settleSome(run)
  }
}

async function freeze({ platform: { cluster, nats } }: World, { whom, ms }: Extract<Act, { kind: 'pause' }>): Promise<void> {
  if (whom === 'nats') await nats?.pause()
  else await cluster.pause(whom)
  await pause(ms)
  if (whom === 'nats') nats?.resume()
  else cluster.resume(whom)
}

/** In the middle of trouble: what is good may take a while, and need not get there. */
async function settleSome(run: Run): Promise<void> {
  const endMs = performance.now() + 4_000
  while (performance.now() < endMs) {
    const left = await unready(run).catch(() => ['no answer'])
    if (left.length === 0) return
    await pause(150)
  }
}

export interface Looked {
  readonly kustomizations: ReadonlyMap<string, Kustomization>
  readonly repositories: ReadonlyMap<string, GitRepository>
}

/**
 * Looks at every status, and judges it: it says why it is not ready, and no secret can be read in it. What was seen applied excuses no
 * deletion of what it declares any more.
 */
export async function look(run: Run): Promise<Looked> {
  const { site, world } = run
  const read = async (kind: Kind): Promise<readonly KubeObject[]> => (await world.platform.kube.list(kind, { namespace: site.namespace })).items.map((each) => ({ ...each, kind: kind.kind }))
  const [kustomizations, repositories] = [await read(kustomizationKind), await read(gitRepositoryKind)]
  for (const each of [...kustomizations, ...repositories]) for (const wrong of [...judgeStatus(each), ...judgeText(each, canariesOf(site))]) run.violations.add(wrong)
  const byName = <T>(objects: readonly KubeObject[]): ReadonlyMap<string, T> => new Map(objects.map((each) => [each.metadata.name, each as unknown as T]))
  const looked: Looked = { kustomizations: byName(kustomizations), repositories: byName(repositories) }
  markApplied(run, looked)
  return looked
}

export const canariesOf = ({ canary }: Site): readonly string[] => [canary, loginCanary]

function isApplied({ commits }: Run, { repository }: Unit, found: Kustomization | undefined): boolean {
  const { conditions, lastAppliedRevision, observedGeneration } = found?.status ?? {}
  const isReady = conditions?.find(({ type }) => type === conditionTypes.ready)?.status === 'True'
  return isReady && observedGeneration === found?.metadata.generation && lastAppliedRevision?.endsWith(commits[repository] ?? '?') === true
}

/** Good units that are at their last commit and spec: what came before excuses no deletion any more. */
function markApplied(run: Run, { kustomizations }: Looked): void {
  const last = new Map(run.journal.revisions().map(({ owner, revision }) => [owner, revision]))
  for (const unit of run.units.values()) if (unit.broken === undefined && isApplied(run, unit, kustomizations.get(unit.name))) run.journal.applied(unit.name, last.get(unit.name) ?? '')
}

/** Units that are not yet at the last commit and spec, and sources that are not ready or in mid-run, with what they say. */
export async function unready(run: Run): Promise<readonly string[]> {
  const { kustomizations, repositories } = await look(run)
  const readyOf = (object: Kustomization | GitRepository | undefined): Condition | undefined => object?.status?.conditions?.find(({ type }) => type === conditionTypes.ready)
  const say = (name: string, ready: Condition | undefined): string => `${name} is not ready at the last commit: ${ready?.status} ${ready?.reason} ${ready?.message}`
  const units = [...run.units.values()].filter((unit) => unit.broken === undefined && !isApplied(run, unit, kustomizations.get(unit.name)))
  const isUnderWay = (name: string): boolean => repositories.get(name)?.status?.conditions?.some(({ type, status }) => type === conditionTypes.reconciling && status === 'True') === true
  const sources = run.repositories.filter(({ name }) => readyOf(repositories.get(name))?.status !== 'True' || isUnderWay(name))
  return [...units.map(({ name }) => say(name, readyOf(kustomizations.get(name)))), ...sources.map(({ name }) => say(name, readyOf(repositories.get(name))))]
}

/** Asks every source once more: a push may have met no API server. */
export async function nudge({ world, site, repositories }: Run): Promise<void> {
  const { kube } = world.platform
  await Promise.all(repositories.map(({ name }) => insist(() => requestReconcile(kube, gitRepositoryKind, { namespace: site.namespace, name }))))
}

