import { declareObjects, toInventory } from '@weir/shared/apply'
import { formatDurationMs, type Kustomization } from '@weir/shared/api'
import type { Tree } from '@weir/shared/files'
import type { KeptBuild } from '@weir/shared/kustomize'
import { maskValues, showOwner } from '@weir/shared/manifest'
import { isStop, type Stop } from '@weir/shared/runtime'
import type { ResolvedSource } from '../inputs/find-source.ts'
import type { Context, Prepared } from '../ports.ts'
import { render } from './render.ts'
import { applyStop, artifactStop, buildStop } from '../stops.ts'
import { timeoutMs } from '../timing.ts'
import { readVariables, type Variables } from '../inputs/variables.ts'

/** From an artifact to the objects that the cluster should hold: fetch, variables, build, substitution, owner labels. */
export async function prepare(context: Context, source: ResolvedSource): Promise<Prepared | Stop> {
  const { kustomization, deps, step } = context
  const { revision, originRevision } = source
  const timeout = formatDurationMs(timeoutMs(kustomization))
  step.progress(`Fetching manifests for revision ${revision} with a timeout of ${timeout}`)
  const tree = await step('fetch artifact', (signal) => fetchArtifact(context, source, signal), { deadlineMs: 120_000 }) // the fetcher's own deadline speaks first
  if (isStop(tree)) {
    deps.memory.of(context.run.key).attempted = undefined // the same artifact may be there with the source's next status
    return tree
  }
  try {
    step.note({ lastAttemptedRevision: revision })
    const variables = await step('read variables', () => readVariables(kustomization, deps.readReference))
    if (isStop(variables)) return variables
    step.progress(`Building manifests for revision ${revision} with a timeout of ${timeout}`)
    const built = await step('build', (signal) => build(context, { tree, texts: variables.substitutes, signal }), { deadlineMs: 120_000 })
    if (isStop(built)) {
      // Without its path a revision was not attempted (contract 4.2).
      if (built.reason === 'ArtifactFailed') step.note({ lastAttemptedRevision: kustomization.status?.lastAttemptedRevision })
      return built
    }
    const declared = await step('declare objects', (signal) => declare(context, { built, variables, signal }))
    return isStop(declared) ? declared : { revision, originRevision, ...declared }
  } finally {
    tree.release()
  }
}

async function fetchArtifact({ kustomization, deps }: Context, { artifact, revision }: ResolvedSource, signal: AbortSignal): Promise<Tree | Stop> {
  try {
    return await deps.fetcher.fetch(artifact, signal)
  } catch (error) {
    signal.throwIfAborted()
    const stop = artifactStop(error, deps.rules.requeueDependencyMs)
    // source-controller starts, too, or makes anew what its store has lost.
    const isPassing = kustomization.status?.lastAppliedRevision === revision && (stop.kind === 'waiting' || (stop.kind === 'failing' && stop.transient))
    return isPassing ? { ...stop, passing: true } : stop
  }
}

interface Building {
  readonly tree: Tree
  readonly texts: boolean
  readonly signal: AbortSignal
}

async function build({ kustomization, owner, deps }: Context, { tree, texts, signal }: Building): Promise<KeptBuild | Stop> {
  try {
    return await deps.builder.build({ tree, spec: buildSpecOf(kustomization), owner: showOwner(owner), texts, signal })
  } catch (error) {
    signal.throwIfAborted()
    return buildStop(error)
  }
}

/** Only what shapes the build: what is not here works on the built objects, and one folder with many substitutions is one build. */
function buildSpecOf({ spec }: Kustomization): Parameters<Context['deps']['builder']['build']>[0]['spec'] {
  const { path, targetNamespace, namePrefix, nameSuffix, patches, images, components, ignoreMissingComponents, buildMetadata } = spec
  return { path, targetNamespace, namePrefix, nameSuffix, patches, images, components, ignoreMissingComponents, buildMetadata }
}

interface Declaring {
  readonly built: KeptBuild
  readonly variables: Variables
  readonly signal: AbortSignal
}

type Declared = Pick<Prepared, 'desired' | 'inventory' | 'digest' | 'mask'>

async function declare({ kustomization, owner, deps }: Context, { built, variables, signal }: Declaring): Promise<Declared | Stop> {
  const mask = (text: string): string => (variables.secret.length === 0 ? text : maskValues(text, variables.secret))
  try {
    const { objects, digest } = render(built, { variables, strict: deps.rules.strictSubstitution })
    const { commonMetadata } = kustomization.spec
    const desired = await declareObjects(objects, { owner, discovery: deps.kube.discovery, signal, ...(commonMetadata ? { commonMetadata } : {}) })
    return { desired, inventory: toInventory(desired.map(({ ref }) => ref)), digest, mask }
  } catch (error) {
    signal.throwIfAborted()
    const stop = declareStop(error)
    return { ...stop, message: mask(stop.message) }
  }
}

function declareStop(error: unknown): Stop {
  try {
    return buildStop(error)
  } catch (other) {
    return applyStop(other)
  }
}
