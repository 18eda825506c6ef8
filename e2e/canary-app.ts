import { kustomizationKind, type Kind } from '@weir/shared/api'
import type { KubeObject } from '@weir/shared/kube'
import { applyAs, readKustomization, until, untilApplied } from './fleet.ts'
import { kustomizationOf, namespace, type Flow, type FlowRepository } from './flow.ts'
import { createJournal, type AuditName, type Journal } from './invariants.ts'

/** In a Secret that the app's variables come from, and in the login of its Git repository: must never be read anywhere else. */
export const canaries = { variable: 'canary-5b1e0c77-variable', login: 'canary-9f3ad210-login' } as const

const configMaps: Kind = { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true }
const secrets: Kind = { group: '', version: 'v1', kind: 'Secret', plural: 'secrets', namespaced: true }

/** One state of the app: which ConfigMaps it has, and what they say. */
export interface AppState {
  readonly maps: readonly string[]
  readonly value: string
}

const secretName = 'login'
const folder = (app: string): string => `apps/${app}`

/** Files of the folder of an app: ConfigMaps, a ServiceAccount, and a Secret made from a variable. Names that a state does not have are deleted. */
function filesOf(app: string, state: AppState, known: readonly string[] = []): Readonly<Record<string, string | undefined>> {
  const map = (name: string): KubeObject => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `${app}-${name}`, namespace }, data: { value: state.value } })
  const account: KubeObject = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: app, namespace } }
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: `${app}-${secretName}`, namespace }, stringData: { password: '${password}', value: state.value } }
  const gone = known.filter((name) => !state.maps.includes(name)).map((name) => [`${folder(app)}/${name}.json.yaml`, undefined] as const)
  const maps = state.maps.map((name) => [`${folder(app)}/${name}.json.yaml`, JSON.stringify(map(name))] as const)
  return Object.fromEntries([...gone, ...maps, [`${folder(app)}/account.yaml`, JSON.stringify(account)], [`${folder(app)}/secret.yaml`, JSON.stringify(secret)]])
}

/** As the audit log names them. */
function declaredBy(app: string, { maps }: AppState): readonly AuditName[] {
  const core = (resource: string, name: string): AuditName => ({ group: '', resource, namespace, name })
  return [...maps.map((name) => core('configmaps', `${app}-${name}`)), core('serviceaccounts', app), core('secrets', `${app}-${secretName}`)]
}

/** Apps in one repository behind a login, what they declare at which commit, and how they are told to change. */
export interface Apps {
  readonly repository: FlowRepository
  readonly journal: Journal
  /** Commits a state of an app, which becomes what is declared. */
  push(app: string, state: AppState): Promise<string>
  /** Creates or changes its Kustomization. */
  declare(app: string, spec?: Readonly<Record<string, unknown>>): Promise<void>
  /** Resolves when it is ready at the commit; rejects if the cluster is not as the state says. */
  settle(app: string, state: AppState, commit: string): Promise<void>
  /** Deletes its Kustomization; does not wait. */
  remove(app: string): Promise<void>
  settleGone(app: string): Promise<void>
}

const settleMs = 90_000

/** Needs a flow whose Git server asks for the login canary: `git: gitWithLogin`. */
export async function createApps(flow: Flow): Promise<Apps> {
  const { kube } = flow.platform
  const journal = createJournal()
  await applyAs(kube, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'variables', namespace }, stringData: { password: canaries.variable } } as KubeObject)
  await applyAs(kube, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'git', namespace }, data: flow.git.secret } as KubeObject)
  const repository = await flow.repository('apps', { files: { 'README.md': 'apps' }, spec: { secretRef: { name: 'git' } } })
  const known = new Map<string, readonly string[]>()
  const revisionOf = (state: AppState): string => `${state.value} ${state.maps.join('')}`
  const demand = async (app: string, state: AppState | undefined): Promise<void> => {
    const found = await differences(flow, app, state)
    if (found.length > 0) throw new Error(`${app} is not as it was declared:\n${found.join('\n')}`)
  }
  return {
    repository,
    journal,
    push(app, state) {
      journal.push(app, revisionOf(state), declaredBy(app, state))
      const files = filesOf(app, state, known.get(app))
      known.set(app, state.maps)
      return repository.commit(files)
    },
    async declare(app, spec = {}) {
      const postBuild = { substituteFrom: [{ kind: 'Secret', name: 'variables' }] }
      await applyAs(kube, kustomizationOf(app, repository.named, { path: folder(app), wait: true, postBuild, ...spec }))
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
  }
}

export const gitWithLogin = { basic: { username: 'weir', password: canaries.login } } as const

/** How the cluster differs from a state of the app; undefined: nothing of the app may be there. None is how it should be. */
async function differences({ platform: { kube } }: Flow, app: string, state: AppState | undefined): Promise<readonly string[]> {
  const { items } = await kube.list(configMaps, { namespace })
  const found = items.filter(({ metadata }) => metadata.name.startsWith(`${app}-`))
  const expected = (state?.maps ?? []).map((name) => `${app}-${name}`)
  const names = found.map(({ metadata }) => metadata.name)
  const secret = await kube.get({ resource: secrets, namespace, name: `${app}-${secretName}` })
  const password = (secret?.['data'] as { readonly password?: string } | undefined)?.password
  const wanted = state && Buffer.from(canaries.variable).toString('base64')
  return [
    ...names.filter((name) => !expected.includes(name)).map((name) => `ConfigMap ${name} is there`),
    ...expected.filter((name) => !names.includes(name)).map((name) => `ConfigMap ${name} is missing`),
    ...found.filter(({ data }) => (data as { readonly value?: string }).value !== state?.value).map(({ metadata }) => `ConfigMap ${metadata.name} is not at ${state?.value}`),
    ...(password === wanted ? [] : [`the Secret ${wanted === undefined ? 'is there' : 'does not hold the variable'}`]),
  ]
}
