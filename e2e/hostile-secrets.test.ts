import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { kustomizationKind, type Kind } from '@weir/shared/api'
import { serve, type HttpServer } from '@weir/shared/http'
import type { KubeObject } from '@weir/shared/kube'
import { quietTelemetry } from '@weir/shared/telemetry'
import { readPublicTexts } from './aftermath.ts'
import { applyAs, readKustomization, readRepository, readyOf, requestReconcile, until, untilApplied, untilFailed } from './fleet.ts'
import { kustomizationOf, namespace, startFlow, type Flow, type FlowRepository } from './flow.ts'
import { findCanaries } from './invariants.ts'

// Secrets that the controllers come to know, and trouble of every kind around them; then everything that leaves a process is read: logs at debug,
// events, notifications, conditions and the rest of statuses, metrics, traces, and the bytes of the bus.

const canaries = {
  login: 'canary-1f0a77c2-login',
  wrongLogin: 'canary-2b9de013-wrong',
  userinfo: 'canary-3c44a9f8-userinfo',
  variable: 'canary-4d51b6e0-variable',
  secretInGit: 'canary-5e620c1d-in-git',
} as const
const secrets: Kind = { group: '', version: 'v1', kind: 'Secret', plural: 'secrets', namespaced: true }
const events: Kind = { group: '', version: 'v1', kind: 'Event', plural: 'events', namespaced: true }

const json = (object: object): string => `${JSON.stringify(object)}\n`
const secretOf = (name: string, stringData: Readonly<Record<string, string>>): KubeObject => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, stringData })
const ask = (name: string, more: object = {}): object => ({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace }, spec: { ports: [{ port: 80 }], ...more } })

/** What an HTTP receiver was sent. */
interface Sink {
  readonly server: HttpServer
  readonly heard: string[]
}

async function startSink(): Promise<Sink> {
  const heard: string[] = []
  const server = await serve({
    address: '127.0.0.1:0',
    telemetry: quietTelemetry(),
    async handler(request, response, exchange) {
      heard.push(`${request.url} ${JSON.stringify(request.headers)} ${(await exchange.readBody()).toString()}`)
      response.end('{}')
    },
  })
  return { server, heard }
}

/** Every byte that a nats-server gives to a subscriber of everything, as it is on the wire. */
async function tapBus(url: string): Promise<{ readonly socket: Socket; readonly heard: string[] }> {
  const { hostname, port } = new URL(url)
  const heard: string[] = []
  const socket = connect(Number(port), hostname)
  socket.setEncoding('utf8')
  socket.on('data', (text: string) => {
    heard.push(text)
    if (text.includes('PING')) socket.write('PONG\r\n')
  })
  await once(socket, 'connect')
  socket.write('CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\nSUB weir.> 1\r\n')
  return { socket, heard }
}

describe('a secret', () => {
  let flow: Flow
  let repository: FlowRepository
  let notifications: Sink
  let traces: Sink
  let bus: Awaited<ReturnType<typeof tapBus>>

  beforeAll(async () => {
    ;[notifications, traces] = await Promise.all([startSink(), startSink()])
    flow = await startFlow({ fleet: 'api', nats: true, git: { basic: { username: 'weir', password: canaries.login } } })
    bus = await tapBus(flow.platform.nats?.url ?? '')
    const { kube } = flow.platform
    await applyAs(kube, secretOf('login', { username: 'weir', password: canaries.login }))
    await applyAs(kube, secretOf('variables', { token: canaries.variable, word: 'x' }))
    repository = await flow.repository('apps', { files: { 'README.md': 'apps' }, spec: { secretRef: { name: 'login' } } })
    const flags = ['--log-level=debug', `--events-addr=${notifications.server.url}`, `--otlp-url=${traces.server.url}`]
    await Promise.all([flow.start('source-controller', { flags }), flow.start('kustomize-controller', { flags })])
  })
  afterAll(async () => {
    bus?.socket.destroy()
    await flow?.stop()
    await Promise.all([notifications?.server.close(0), traces?.server.close(0)])
  })

  const declare = async (name: string): Promise<void> => {
    const postBuild = { substituteFrom: [{ kind: 'Secret', name: 'variables' }] }
    await applyAs(flow.platform.kube, kustomizationOf(name, repository.named, { path: `./${name}`, retryInterval: '1s', timeout: '3s', postBuild }))
  }
  const untilSourceSays = (name: string, reason: string): Promise<unknown> =>
    until(`${name} is refused`, async () => {
      const ready = readyOf(await readRepository(flow.platform.kube, { namespace, name }))
      return ready?.status === 'False' && ready.reason === reason ? ready : undefined
    })

  it('of a Git server is shown to nobody, right or wrong, from a Secret or from a URL', async () => {
    const { kube } = flow.platform
    await applyAs(kube, secretOf('wrong', { username: 'weir', password: canaries.wrongLogin }))
    const source = (name: string, spec: object): KubeObject => ({ apiVersion: 'source.toolkit.fluxcd.io/v1', kind: 'GitRepository', metadata: { name, namespace }, spec: { interval: '1h', timeout: '10s', ref: { branch: 'main' }, ...spec } })
    const { url } = repository.remote
    await applyAs(kube, source('wrong', { url, secretRef: { name: 'wrong' } }))
    await applyAs(kube, source('gone', { url: url.replace('apps', 'gone'), secretRef: { name: 'login' } }))
    await applyAs(kube, source('userinfo', { url: url.replace('http://', `http://weir:${canaries.userinfo}@`) }))
    await applyAs(kube, source('nowhere', { url: `http://weir:${canaries.userinfo}@127.0.0.1:1/x` }))
    for (const name of ['wrong', 'gone', 'userinfo', 'nowhere']) await untilSourceSays(name, 'GitOperationFailed')
  })

  it('that became a variable is shown to nobody, whether the object is refused, cannot be built, drifts or fails', async () => {
    const { kube } = flow.platform
    await repository.commit({
      'refused/a.yaml': json(ask('refused', { type: '${token}' })),
      'unbuilt/a.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: unbuilt}\ndata: {a: "${token}\n}: ["}\n',
      'named/a.yaml': json({ apiVersion: 'v1', kind: 'Thing${token}', metadata: { name: 'a', namespace } }),
      'bad/a.yaml': json({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'bad', namespace }, data: { key: '${token}' } }),
      'drifts/a.yaml': json(secretOf('drifts', { key: '${token}' })),
    })
    for (const name of ['refused', 'unbuilt', 'named', 'bad', 'drifts']) await declare(name)
    await untilFailed(kube, { namespace, name: 'refused' }, 'ReconciliationFailed')
    await untilFailed(kube, { namespace, name: 'bad' }, 'ReconciliationFailed')
    for (const name of ['unbuilt', 'named']) await until(`${name} has a verdict`, async () => readyOf(await readKustomization(kube, { namespace, name }))?.status === 'False' || undefined)
    await untilApplied(kube, { namespace, name: 'drifts' }, await repository.remote.resolve('main'))
    const drifting = { resource: secrets, namespace, name: 'drifts' }
    expect((await kube.get(drifting))?.['data']).toEqual({ key: Buffer.from(canaries.variable).toString('base64') })
    await kube.patch(drifting, { type: 'merge', body: { stringData: { key: 'by hand' } } })
    await until('the drift is corrected', async () => (await kube.list(events, { namespace })).items.find((event) => event['reason'] === 'DriftCorrected'))
  })

  it('that stands in Git as it is, is shown to nobody when its object is refused or its file is broken', async () => {
    await repository.commit({
      'plain/a.yaml': json({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'plain', namespace }, data: { key: canaries.secretInGit, list: [canaries.secretInGit] } }),
      'literal/kustomization.yaml': `secretGenerator: [{name: literal, literals: ["${canaries.secretInGit}"]}]\n`,
    })
    for (const name of ['plain', 'literal']) await declare(name)
    await untilFailed(flow.platform.kube, { namespace, name: 'plain' }, 'ReconciliationFailed')
    await untilFailed(flow.platform.kube, { namespace, name: 'literal' }, 'BuildFailed')
  })

  it('is nowhere in logs, events, notifications, statuses, metrics, traces and on the bus', async () => {
    const { kube } = flow.platform
    await requestReconcile(kube, kustomizationKind, { namespace, name: 'refused' })
    await until('notifications', async () => (notifications.heard.some((text) => text.includes('ReconciliationFailed')) ? true : undefined))
    await until('traces', async () => (traces.heard.some((text) => text.includes('kustomize build')) ? true : undefined))
    await until('the bus', async () => (bus.heard.join('').includes('"refused"') || bus.heard.join('').includes('.refused.') ? true : undefined))
    const objects = await readPublicTexts(flow.platform)
    // The URL with its login is what somebody wrote into the spec.
    const texts = new Map([...objects].map(([name, text]) => [name, withoutSpec(name, text)] as const))
    for (const [what, heard] of Object.entries({ notifications: notifications.heard, traces: traces.heard, bus: bus.heard })) texts.set(what, heard.join('\n'))
    expect([...texts.keys()]).toEqual(expect.arrayContaining(['notifications', 'traces', 'bus', 'metrics of source-controller', 'metrics of kustomize-controller']))
    expect(findCanaries(Object.values(canaries), texts)).toEqual([])
  })
})

/** An object without its spec, and without what the API server copied of it. */
function withoutSpec(name: string, text: string): string {
  if (!name.startsWith('GitRepository ')) return text
  const { spec: _, ...rest } = JSON.parse(text) as { readonly spec?: unknown }
  return JSON.stringify(rest)
}
