import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { kustomizationKind, type Kustomization } from '@weir/shared/api'
import { readFolder, readKustomization, readyOf, until } from '../fleet.ts'
import { runFlux, type FluxAnswer } from './flux.ts'
import { namespace, type World } from './world.ts'

/** What somebody typed, and what came. */
export interface Exchange {
  readonly command: string
  readonly answer: FluxAnswer
}

/** A morning with the `flux` command: every command that reads or wakes these two kinds, in an order that makes sense to nobody else. */
const looking: readonly string[] = [
  'get sources git',
  'get kustomizations',
  'get all',
  'get kustomization backend --status-selector ready=true',
  'tree kustomization flux-system',
  'tree kustomization backend --compact',
  'tree kustomization frontend --output json',
  'trace deployment backend -n shop',
  'trace kustomization backend',
  'trace configmap plain -n shop --api-version v1 --kind ConfigMap',
  'export source git flux-system',
  'export kustomization frontend',
  'export kustomization --all',
  'stats',
  'stats -A',
]

const acting: readonly string[] = [
  'reconcile source git flux-system',
  'reconcile kustomization backend',
  'reconcile kustomization backend --with-source',
  'suspend kustomization kept',
  'get kustomization kept',
  'reconcile kustomization kept',
  'resume kustomization kept',
  'get kustomization kept',
  'suspend source git flux-system',
  'get sources git',
  'reconcile source git flux-system',
  'resume source git flux-system',
  'get sources git',
  'get kustomization nobody',
  'reconcile kustomization nobody',
]

const broken: readonly string[] = [
  'get kustomization kept',
  'get kustomizations --status-selector ready=false',
  'reconcile kustomization kept --timeout 20s',
  'trace kustomization kept',
  'tree kustomization kept',
  'events --for Kustomization/kept',
  'events --for GitRepository/flux-system',
]

/** Paths are relative to the platform's folder. */
const diffs: readonly string[] = [
  'diff kustomization backend --path same/apps/backend --progress-bar=false',
  'diff kustomization backend --path changed/apps/backend --progress-bar=false',
  'diff kustomization labelled --path same/apps/labelled --progress-bar=false',
  'diff kustomization frontend --path same/apps/frontend/production --progress-bar=false',
  'diff kustomization config --path changed/apps/config --progress-bar=false',
  'build kustomization frontend --path same/apps/frontend/production',
]

/** In the order of a session. */
export const commands: readonly string[] = [...looking, ...acting, ...diffs, ...broken]

/** The same session on any side; the fleet is Ready before, and one of it is broken at the end. */
export async function holdSession(world: World): Promise<readonly Exchange[]> {
  const session: Exchange[] = []
  const run = async (command: string): Promise<void> => {
    const answer = await runFlux(command.split(' '), { kubeconfig: world.platform.cluster.kubeconfig(), cwd: world.platform.dir })
    session.push({ command, answer })
  }
  await writeTrees(world)
  for (const command of [...looking, ...acting, ...diffs]) await run(command)
  await breakOne(world)
  for (const command of broken) await run(command)
  return session
}

/** A checkout as it was committed, and one with changes that nobody committed. */
async function writeTrees({ platform }: World): Promise<void> {
  const files = await readFolder(path.join(import.meta.dirname, 'fleet'))
  const changed = {
    ...files,
    'apps/backend/backend.yaml': (files['apps/backend/backend.yaml'] ?? '').replaceAll('backend:1.0.0', 'backend:1.1.0').replace('replicas: 2', 'replicas: 3'),
    'apps/config/plain.yaml': (files['apps/config/plain.yaml'] ?? '').replace('number: "1"', 'number: "2"').replace(/---[^]*/, ''),
  }
  for (const [name, tree] of [['same', files], ['changed', changed]] as const) {
    for (const [file, text] of Object.entries(tree)) {
      const target = path.join(platform.dir, name, file)
      await mkdir(path.dirname(target), { recursive: true })
      await writeFile(target, text)
    }
  }
}

async function breakOne(world: World): Promise<void> {
  const commit = await world.commit({ 'apps/kept/kustomization.yaml': 'resources:\n  - nobody-committed-this.yaml\n' })
  const target = { resource: kustomizationKind, namespace, name: 'kept' }
  await until(`kept fails at ${commit}`, async () => {
    const kept = await readKustomization(world.kube, target)
    return readyOf(kept)?.status === 'False' && kept?.status?.lastAttemptedRevision?.endsWith(commit) === true ? true : undefined
  })
  // The others follow in their own time: what depends on something waits for it.
  await until(`all others applied ${commit}`, async () => {
    const { items } = await world.kube.list(kustomizationKind, { namespace })
    const others = (items as readonly Kustomization[]).filter(({ metadata }) => metadata.name !== 'kept')
    return others.every((each) => readyOf(each)?.status === 'True' && each.status?.lastAppliedRevision?.endsWith(commit) === true) ? true : undefined
  })
}
