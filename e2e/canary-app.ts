import { gitRepositoryKind, kustomizationKind, type Kind } from '@weir/shared/api'
import type { Kube, KubeObject } from '@weir/shared/kube'
import { applyAs, readKustomization, until, untilApplied } from './fleet.ts'
import { kustomizationOf, namespace, type Flow, type FlowRepository } from './flow.ts'
import { createJournal, type AuditName, type Journal } from './invariants.ts'

/** In a Secret that the app's variables come from, and in the login of its Git repository: must never be read anywhere else. */
export const canaries = { variable: 'canary-5b1e0c77-variable', login: 'canary-9f3ad210-login' } as const

const configMaps: Kind = { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true }
const customDefinitions: Kind = { group: 'apiextensions.k8s.io', version: 'v1', kind: 'CustomResourceDefinition', plural: 'customresourcedefinitions', namespaced: false }
const secrets: Kind = { group: '', version: 'v1', kind: 'Secret', plural: 'secrets', namespaced: true }

/** One state of the app: which ConfigMaps it has, and what they say. */
export interface AppState {
  readonly maps: readonly string[]
  readonly value: string
  /** Custom resources, each with a definition of its own; any at all bring a ClusterRole and a PriorityClass along. */
  readonly things?: readonly string[]
}

const secretName = 'login'
const folder = (app: string): string => `apps/${app}`

/** Files of the folder of an app: ConfigMaps, a ServiceAccount, and a Secret made from a variable. Files that a state does not have are deleted. */
function filesOf(app: string, state: AppState): Readonly<Record<string, string>> {
  const map = (name: string): KubeObject => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `${app}-${name}`, namespace }, data: { value: state.value } })
  const account: KubeObject = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: app, namespace } }
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: `${app}-${secretName}`, namespace }, stringData: { password: '${password}', value: state.value } }
  const maps = state.maps.map((name) => [`${folder(app)}/${name}.json.yaml`, JSON.stringify(map(name))] as const)
  const things = (state.things ?? []).map((name) => [`${folder(app)}/thing-${name}.yaml`, thingOf(app, name).map((each) => JSON.stringify(each)).join('\n---\n')] as const)
  const shared = things.length === 0 ? [] : [[`${folder(app)}/cluster.yaml`, clusterOf(app).map((each) => JSON.stringify(each)).join('\n---\n')] as const]
  return Object.fromEntries([...maps, ...things, ...shared, [`${folder(app)}/account.yaml`, JSON.stringify(account)], [`${folder(app)}/secret.yaml`, JSON.stringify(secret)]])
}

const groupOf = (app: string): string => `${app}.example`

function thingOf(app: string, name: string): readonly KubeObject[] {
  const [group, kind, plural] = [groupOf(app), `Thing${name}`, `thing${name}s`]
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } }
  const version = { name: 'v1', served: true, storage: true, schema, subresources: { status: {} } }
  const spec = { group, scope: 'Namespaced', names: { kind, plural, singular: plural.slice(0, -1), listKind: `${kind}List` }, versions: [version] }
  return [
    { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: `${plural}.${group}` }, spec },
    { apiVersion: `${group}/v1`, kind, metadata: { name, namespace }, spec: { size: 1 } },
  ]
}

function clusterOf(app: string): readonly KubeObject[] {
  const rules = [{ apiGroups: [groupOf(app)], resources: ['*'], verbs: ['get'] }]
  return [
    { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: app }, rules },
    { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name: app }, value: 1 },
  ]
}

/** As the audit log names them. */
function declaredBy(app: string, { maps, things = [] }: AppState): readonly AuditName[] {
  const core = (resource: string, name: string): AuditName => ({ group: '', resource, namespace, name })
  const ofCluster = (group: string, resource: string, name: string): AuditName => ({ group, resource, namespace: '', name })
  const custom = things.flatMap((name) => [
    ofCluster('apiextensions.k8s.io', 'customresourcedefinitions', `thing${name}s.${groupOf(app)}`),
    { group: groupOf(app), resource: `thing${name}s`, namespace, name },
  ])
  const shared = things.length === 0 ? [] : [ofCluster('rbac.authorization.k8s.io', 'clusterroles', app), ofCluster('scheduling.k8s.io', 'priorityclasses', app)]
  return [...custom, ...shared, ...maps.map((name) => core('configmaps', `${app}-${name}`)), core('serviceaccounts', app), core('secrets', `${app}-${secretName}`)]
}

/** Apps in one repository behind a login, what they declare at which commit, and how they are told to change. */
export interface Apps {
  readonly repository: FlowRepository
  readonly journal: Journal
  /** Commits a state of an app, which becomes what is declared. */
  push(app: string, state: AppState): Promise<string>
  /** The same of many apps, in one commit. */
  pushAll(states: Readonly<Record<string, AppState>>): Promise<string>
  /** Creates or changes its Kustomization. */
  declare(app: string, spec?: Readonly<Record<string, unknown>>): Promise<void>
  /** Resolves when it is ready at the commit; rejects if the cluster is not as the state says. */
  settle(app: string, state: AppState, commit: string): Promise<void>
  /** Deletes its Kustomization; does not wait. */
  remove(app: string): Promise<void>
  settleGone(app: string): Promise<void>
  /**
   * Every state that a Kustomization or a source of the flow has had so far, of those that are gone by now as well: JSON of the whole object by
   * `<Kind> <namespace>/<name>@<resourceVersion>`.
   */
  states(): ReadonlyMap<string, string>
  /** More apps in a repository of its own: what holds this source up leaves the others alone. Journal and states are shared. */
  beside(repositoryName: string, sourceSpec?: Readonly<Record<string, unknown>>): Promise<Apps>
}

const settleMs = 90_000

export interface AppsOptions {
  /** The source's way to the Git server; default straight to it. */
  readonly gitUrl?: string
}

/** Needs a flow whose Git server asks for the login canary: `git: gitWithLogin`. */
export async function createApps(flow: Flow, { gitUrl = flow.git.url }: AppsOptions = {}): Promise<Apps> {
  const { kube } = flow.platform
  await applyAs(kube, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'variables', namespace }, stringData: { password: canaries.variable } } as KubeObject)
  await applyAs(kube, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'git', namespace }, data: flow.git.secret } as KubeObject)
  return openApps('apps', { flow, gitUrl, journal: createJournal(), states: keepStates(kube) })
}

/** What is told of an object that is deleted later can only be read while it is there. The watch ends with the platform. */
function keepStates(kube: Kube): ReadonlyMap<string, string> {
  const states = new Map<string, string>()
  const keep = (object: KubeObject): void => {
    const { name, resourceVersion } = object.metadata
    states.set(`${object.kind} ${namespace}/${name}@${resourceVersion}`, JSON.stringify(object))
  }
  for (const resource of [gitRepositoryKind, kustomizationKind]) {
    const watch = kube.watch({ resource, namespace, managedFields: true, signal: new AbortController().signal }, { replace: (objects) => objects.forEach(keep), upsert: keep, remove: keep })
    watch.synced.catch(() => undefined) // whoever looks for states finds none
  }
  return states
}

/** What apps of several repositories share. */
interface Ground {
  readonly flow: Flow
  readonly gitUrl: string
  readonly journal: Journal
  readonly states: ReadonlyMap<string, string>
}

async function openApps(repositoryName: string, ground: Ground, sourceSpec: Readonly<Record<string, unknown>> = {}): Promise<Apps> {
  const { flow, gitUrl, journal } = ground
  const { kube } = flow.platform
  const spec = { url: `${gitUrl}/${repositoryName}.git`, secretRef: { name: 'git' }, ...sourceSpec }
  const repository = await flow.repository(repositoryName, { files: { 'README.md': 'apps' }, spec })
  const known = new Map<string, readonly string[]>()
  const revisionOf = ({ value, maps, things = [] }: AppState): string => `${value} ${maps.join('')} ${things.join('')}`.trimEnd()
  const demand = async (app: string, state: AppState | undefined): Promise<void> => {
    const found = await differences(flow, app, state)
    if (found.length > 0) throw new Error(`${app} is not as it was declared:\n${found.join('\n')}`)
  }
  const pushAll: Apps['pushAll'] = (states) => {
    const changed = Object.entries(states).map(([app, state]) => {
      journal.push(app, revisionOf(state), declaredBy(app, state))
      const files = filesOf(app, state)
      const gone = (known.get(app) ?? []).filter((name) => files[name] === undefined)
      known.set(app, Object.keys(files))
      return { ...Object.fromEntries(gone.map((name) => [name, undefined])), ...files }
    })
    return repository.commit(Object.assign({}, ...changed) as Readonly<Record<string, string | undefined>>)
  }
  return {
    repository,
    journal,
    push: (app, state) => pushAll({ [app]: state }),
    pushAll,
    async declare(app, changed = {}) {
      const postBuild = { substituteFrom: [{ kind: 'Secret', name: 'variables' }] }
      await applyAs(kube, kustomizationOf(app, repository.named, { path: folder(app), wait: true, postBuild, ...changed }))
    },
    async settle(app, state, commit) {
      await untilApplied(kube, { namespace, name: app }, commit, settleMs)
      journal.applied(app, revisionOf(state))
      await demand(app, state)
    },
    async remove(app) {
      journal.push(app, 'gone', [])
      await kube.delete({ resource: kustomizationKind, namespace, name: app })
    },
    async settleGone(app) {
      await until(`${app} is gone`, async () => ((await readKustomization(kube, { namespace, name: app })) === undefined ? true : undefined), { timeoutMs: settleMs })
      await demand(app, undefined)
    },
    states: () => ground.states,
    beside: (name, sourceSpec) => openApps(name, ground, sourceSpec),
  }
}

export const gitWithLogin = { basic: { username: 'weir', password: canaries.login } } as const

/** How the cluster differs from a state of the app; undefined: nothing of the app may be there. None is how it should be. */
async function differences({ platform: { kube } }: Flow, app: string, state: AppState | undefined): Promise<readonly string[]> {
  const { items } = await kube.list(configMaps, { namespace })
  const found = items.filter(({ metadata }) => metadata.name.startsWith(`${app}-`))
  const expected = (state?.maps ?? []).map((name) => `${app}-${name}`)
  const names = found.map(({ metadata }) => metadata.name)
  const definitions = (await kube.list(customDefinitions)).items.filter(({ metadata }) => metadata.name.endsWith(`.${groupOf(app)}`)).map(({ metadata }) => metadata.name).sort()
  const wantedDefinitions = (state?.things ?? []).map((name) => `thing${name}s.${groupOf(app)}`).sort()
  const secret = await kube.get({ resource: secrets, namespace, name: `${app}-${secretName}` })
  const password = (secret?.['data'] as { readonly password?: string } | undefined)?.password
  const wanted = state && Buffer.from(canaries.variable).toString('base64')
  return [
    ...names.filter((name) => !expected.includes(name)).map((name) => `ConfigMap ${name} is there`),
    ...expected.filter((name) => !names.includes(name)).map((name) => `ConfigMap ${name} is missing`),
    ...found.filter(({ data }) => (data as { readonly value?: string }).value !== state?.value).map(({ metadata }) => `ConfigMap ${metadata.name} is not at ${state?.value}`),
    ...(definitions.join(' ') === wantedDefinitions.join(' ') ? [] : [`the definitions are ${definitions.join(', ')}`]),
    ...(password === wanted ? [] : [`the Secret ${wanted === undefined ? 'is there' : 'does not hold the variable'}`]),
  ]
}
