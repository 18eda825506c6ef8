import { kustomizationKind, type Kind } from '@weir/shared/api'
import type { KubeObject } from '@weir/shared/kube'
import { applyAs, readKustomization, until, type Named } from './fleet.ts'
import { kustomizationOf, namespace, type Flow, type FlowRepository } from './flow.ts'
import type { AuditName } from './invariants.ts'

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
export function filesOf(app: string, state: AppState, known: readonly string[] = []): Readonly<Record<string, string | undefined>> {
  const map = (name: string): KubeObject => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `${app}-${name}`, namespace }, data: { value: state.value } })
  const account: KubeObject = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: app, namespace } }
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: `${app}-${secretName}`, namespace }, stringData: { password: '${password}', value: state.value } }
  const gone = known.filter((name) => !state.maps.includes(name)).map((name) => [`${folder(app)}/${name}.json.yaml`, undefined] as const)
  const maps = state.maps.map((name) => [`${folder(app)}/${name}.json.yaml`, JSON.stringify(map(name))] as const)
  return Object.fromEntries([...gone, ...maps, [`${folder(app)}/account.yaml`, JSON.stringify(account)], [`${folder(app)}/secret.yaml`, JSON.stringify(secret)]])
}

/** As the audit log names them. */
export function declaredBy(app: string, { maps }: AppState): readonly AuditName[] {
  const core = (resource: string, name: string): AuditName => ({ group: '', resource, namespace, name })
  return [...maps.map((name) => core('configmaps', `${app}-${name}`)), core('serviceaccounts', app), core('secrets', `${app}-${secretName}`)]
}

/** The Secret that variables come from. */
export async function createVariables({ platform }: Flow): Promise<void> {
  await applyAs(platform.kube, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'variables', namespace }, stringData: { password: canaries.variable } } as KubeObject)
}

export async function declareApp({ platform }: Flow, app: string, { named }: FlowRepository, spec: Readonly<Record<string, unknown>> = {}): Promise<Named> {
  const postBuild = { substituteFrom: [{ kind: 'Secret', name: 'variables' }] }
  await applyAs(platform.kube, kustomizationOf(app, named, { path: folder(app), wait: true, postBuild, ...spec }))
  return { namespace, name: app }
}

/** Asks that it goes, and does not wait. */
export async function deleteApp({ platform }: Flow, name: string): Promise<void> {
  await platform.kube.delete({ resource: kustomizationKind, namespace, name })
}

export async function untilAppGone({ platform }: Flow, name: string): Promise<void> {
  await until(`${name} is gone`, async () => ((await readKustomization(platform.kube, { namespace, name })) === undefined ? true : undefined))
}

/** How the cluster differs from a state of the app; undefined: nothing of the app may be there. None is how it should be. */
export async function differences({ platform: { kube } }: Flow, app: string, state: AppState | undefined): Promise<readonly string[]> {
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
