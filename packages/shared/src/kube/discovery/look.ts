import { call, type Caller } from '../connection/connection.ts'
import { KubeError } from '../kube-error.ts'
import { listAt, parseAggregated, parseResourceList, textAt, type Served, type ServedGroup, type ServedVersion } from './served.ts'

/** The last look's two answers, so that an unchanged server says 304. */
export interface Look {
  readonly served: Served
  readonly halves: Readonly<Record<Half, Answered>>
}

type Half = '/api' | '/apis'

interface Answered {
  readonly etag: string | undefined
  readonly groups: readonly ServedGroup[]
}

/** v2beta1 is what 1.27 to 1.29 serve; the last is the old discovery. */
const accept = ['v2', 'v2beta1'].map((version) => `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`).concat('application/json').join()

/** Asks what is served: two GETs, or one a version where the server has no aggregated discovery. KubeError. */
export async function look(caller: Caller, before: Look | undefined, signal: AbortSignal): Promise<Look> {
  const [core, named] = await Promise.all([lookAt(caller, { half: '/api', before, signal }), lookAt(caller, { half: '/apis', before, signal })])
  const groups = new Map([...core.groups, ...named.groups].map((group) => [group.group, group]))
  return { served: { groups }, halves: { '/api': core, '/apis': named } }
}

interface Part {
  readonly half: Half
  readonly before: Look | undefined
  readonly signal: AbortSignal
}

async function lookAt(caller: Caller, { half, before, signal }: Part): Promise<Answered> {
  const known = before?.halves[half]
  const { status, headers, body } = await call(caller, {
    what: `discovery of ${half}`,
    method: 'GET',
    path: half,
    headers: { accept, 'if-none-match': known?.etag },
    signal,
  })
  if (status === 304 && known) return known
  const etag = headers['etag']
  const groups = parseAggregated(body)
  if (groups) return { etag: typeof etag === 'string' ? etag : undefined, groups }
  return { etag: undefined, groups: await lookByVersion(caller, { half, body, signal }) }
}

interface Old {
  readonly half: Half
  readonly body: unknown
  readonly signal: AbortSignal
}

async function lookByVersion(caller: Caller, { half, body, signal }: Old): Promise<readonly ServedGroup[]> {
  const groups = half === '/api' ? [{ group: '', versions: namesOf(listAt(body, 'versions')) }] : listAt(body, 'groups').map(groupOf)
  if (half === '/api' && groups[0]?.versions.length === 0) throw new KubeError('server', `discovery of ${half}: the answer is no discovery`)
  return Promise.all(
    groups.map(async ({ group, versions }) => ({
      group,
      versions: await Promise.all(versions.map((version) => lookAtVersion(caller, { group, version, signal }))),
    })),
  )
}

async function lookAtVersion(caller: Caller, { group, version, signal }: { readonly group: string; readonly version: string; readonly signal: AbortSignal }): Promise<ServedVersion> {
  const path = group === '' ? `/api/${version}` : `/apis/${group}/${version}`
  try {
    return parseResourceList(group, version, (await call(caller, { what: `discovery of ${path}`, method: 'GET', path, signal })).body)
  } catch (error) {
    if (!(error instanceof KubeError) || error.code === 'aborted') throw error
    return { version, complete: false, resources: [] } // one broken API must not hide the others
  }
}

function groupOf(entry: unknown): { readonly group: string; readonly versions: readonly string[] } {
  const versions = listAt(entry, 'versions').map((version) => textAt(version, 'version'))
  const preferred = textAt(entry, 'preferredVersion', 'version')
  return { group: textAt(entry, 'name'), versions: [...new Set([preferred, ...versions])].filter((version) => version !== '') }
}

function namesOf(list: readonly unknown[]): readonly string[] {
  return list.filter((name) => typeof name === 'string')
}
