import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { serve, type HttpServer } from '@weir/shared/http'
import { quietTelemetry, redact } from '@weir/shared/telemetry'
import { makeCertificates } from '@weir/shared/testing'
import { createKube, type Kube } from '../kube.ts'
import { configMap, configMaps, kubeconfigFor, reply, statusOf } from '../toys/scripted-server.ts'
import { loadConfig } from './config.ts'

const target = { resource: configMaps, namespace: 'default', name: 'a' }
const telemetry = quietTelemetry()
let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'weir-kubeconfig-'))
})
afterAll(() => rm(dir, { recursive: true, force: true }))

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

/** A server that takes one credential, and tells what it was shown. */
async function startServer(accepts: (authorization: string | undefined) => boolean): Promise<{ server: HttpServer; shown: (string | undefined)[]; paths: string[] }> {
  const shown: (string | undefined)[] = []
  const paths: string[] = []
  const server = await serve({
    address: '127.0.0.1:0',
    telemetry,
    handler({ headers, url }, response) {
      shown.push(headers.authorization)
      paths.push(url ?? '')
      if (accepts(headers.authorization)) reply(response, configMap('a', 1))
      else reply(response, statusOf(401, 'Unauthorized'), { status: 401 })
    },
  })
  closers.push(() => server.close(0))
  return { server, shown, paths }
}

async function connect(source: Parameters<typeof loadConfig>[0]): Promise<Kube> {
  const kube = await createKube({ config: await loadConfig(source), userAgent: 'weir-test', telemetry })
  closers.push(() => kube.close())
  return kube
}

describe('credentials', () => {
  it.each([
    ['a token', { token: 'secret-token' }, 'Bearer secret-token'],
    ['a login', { username: 'user', password: 'pass:word' }, `Basic ${Buffer.from('user:pass:word').toString('base64')}`],
    ['nothing', {}, undefined],
  ])('%s', async (_, user, authorization) => {
    const { server, shown } = await startServer(() => true)
    const kube = await connect({ text: kubeconfigFor(server.url, user) })
    await kube.get(target)
    expect(shown).toEqual([authorization])
    if (authorization) expect(redact(`x ${authorization.split(' ')[1]} y`)).not.toContain(authorization.split(' ')[1])
  })

  it('of a token file are read again after a 401, and the call is repeated, a write too', async () => {
    const path = join(dir, 'token')
    await writeFile(path, 'first\n')
    const good = { token: 'Bearer first' }
    const { server, shown } = await startServer((authorization) => authorization === good.token)
    await writeFile(join(dir, 'config'), kubeconfigFor(server.url, { tokenFile: 'token' }))
    const kube = await connect({ kubeconfig: join(dir, 'config') })
    await kube.get(target)
    await writeFile(path, 'second\n')
    good.token = 'Bearer second'
    await kube.patch(target, { type: 'merge', body: {} })
    expect(shown).toEqual(['Bearer first', 'Bearer first', 'Bearer second'])
  })

  it.each([
    ['half written', (path: string, whole: string): Promise<void> => writeFile(path, whole.slice(0, whole.length / 2))],
    ['missing', (path: string): Promise<void> => rm(path)],
  ])('of a kubeconfig that is %s for a moment: the old ones are used until it can be read', async (_, breakFile) => {
    const good = { token: 'Bearer first' }
    const { server, shown } = await startServer((authorization) => authorization === good.token)
    const path = join(dir, 'rotated')
    await writeFile(path, kubeconfigFor(server.url, { token: 'first' }))
    const config = await loadConfig({ kubeconfig: path })
    const kube = await createKube({ config, userAgent: 'weir-test', telemetry })
    closers.push(() => kube.close())
    expect(await kube.get(target)).toBeDefined()

    await breakFile(path, kubeconfigFor(server.url, { token: 'second' }))
    await expect(config.reload()).rejects.toMatchObject({ code: 'config' })
    expect((await config.credentials()).headers).toEqual({ authorization: 'Bearer first' })
    expect(await kube.get(target)).toBeDefined()

    good.token = 'Bearer second'
    await expect(kube.get(target)).rejects.toMatchObject({ code: 'unauthorized' })
    await writeFile(path, kubeconfigFor(server.url, { token: 'second' }))
    await pause(2_100) // it is not read more often
    expect(await kube.get(target)).toBeDefined()
    expect(shown.at(-1)).toBe('Bearer second')
  })

  it('that stay refused are told after one more try', async () => {
    const { server, shown } = await startServer(() => false)
    const kube = await connect({ text: kubeconfigFor(server.url) })
    await expect(kube.get(target)).rejects.toMatchObject({ code: 'unauthorized' })
    expect(shown.length).toBe(2)
  })

  it('of a plugin are asked for once', async () => {
    const script = `require('fs').appendFileSync(process.argv[1], 'x'); console.log(JSON.stringify({ status: { token: 'from-plugin' } }))`
    const counter = join(dir, 'runs')
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: process.execPath, args: ['-e', script, counter] }
    const { server, shown } = await startServer(() => true)
    const kube = await connect({ text: kubeconfigFor(server.url, { exec }) })
    await kube.get(target)
    await kube.get(target)
    expect(shown).toEqual(['Bearer from-plugin', 'Bearer from-plugin'])
    await expect(connect({ text: kubeconfigFor(server.url, { exec: { ...exec, command: '/does/not/exist' } }) })).rejects.toMatchObject({ code: 'config' })
  })

  it('with files that were exchanged make new connections', async () => {
    const [one, two] = await Promise.all([makeCertificates(), makeCertificates()])
    const files = (name: string): string => join(dir, name)
    const write = async ({ ca, client }: typeof one): Promise<unknown> =>
      Promise.all([writeFile(files('ca.crt'), ca), writeFile(files('tls.crt'), client.cert), writeFile(files('tls.key'), client.key)])
    const first = await serve({ address: '127.0.0.1:0', telemetry, tls: { ...one.server, ca: one.ca }, handler: (_, response) => reply(response, configMap('a', 1)) })
    await write(one)
    const text = JSON.stringify({
      'current-context': 'c',
      contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
      clusters: [{ name: 'k', cluster: { server: first.url, 'certificate-authority': files('ca.crt') } }],
      users: [{ name: 'u', user: { 'client-certificate': files('tls.crt'), 'client-key': files('tls.key') } }],
    })
    const config = await loadConfig({ text })
    const kube = await createKube({ config, userAgent: 'weir-test', telemetry })
    closers.push(() => kube.close())
    expect(await kube.get(target)).toBeDefined()
    await first.close(0)
    const second = await serve({ address: first.address, telemetry, tls: { ...two.server, ca: two.ca }, handler: (_, response) => reply(response, configMap('b', 1)) })
    closers.push(() => second.close(0))
    await expect(kube.get(target)).rejects.toMatchObject({ code: 'unreachable', cause: { code: 'tls' } })
    await write(two)
    await config.reload()
    expect((await kube.get(target))?.metadata.name).toBe('b')
  })
})

describe('a kubeconfig', () => {
  it('may have a path in its server, and a namespace', async () => {
    const { server, paths } = await startServer(() => true)
    const config = await loadConfig({ text: kubeconfigFor(`${server.url}/k8s/clusters/c-1/`) })
    expect([config.namespace, config.context]).toEqual(['n', 'c'])
    const kube = await createKube({ config, userAgent: 'weir-test', telemetry })
    closers.push(() => kube.close())
    await kube.get(target)
    expect(paths).toEqual(['/k8s/clusters/c-1/api/v1/namespaces/default/configmaps/a'])
  })

  const good = JSON.parse(kubeconfigFor('https://127.0.0.1:1')) as object
  it.each([
    ['no YAML', { text: 'a: [' }],
    ['nothing', { text: '' }],
    ['a list', { text: '[]' }],
    ['no source', {}],
    ['an unknown context', { text: JSON.stringify(good), context: 'other' }],
    ['no current context', { text: JSON.stringify({ ...good, 'current-context': undefined }) }],
    ['no such cluster', { text: JSON.stringify({ ...good, clusters: [] }) }],
    ['a server that is no URL', { text: kubeconfigFor('nonsense') }],
    ['a socks proxy', { text: JSON.stringify({ ...good, clusters: [{ name: 'k', cluster: { server: 'https://x', 'proxy-url': 'socks5://x' } }] }) }],
    ['a missing file', { kubeconfig: '/does/not/exist' }],
    ['a relative file name without a directory', { text: kubeconfigFor('https://x', { 'client-key': 'tls.key' }) }],
    ['no pod', { inCluster: true }],
  ])('of %s is refused', async (_, source) => {
    await expect(loadConfig(source)).rejects.toMatchObject({ name: 'KubeError', code: 'config' })
  })

  it('whose files are missing is refused at the start', async () => {
    const text = kubeconfigFor('https://127.0.0.1:1', { 'client-certificate': '/does/not/exist', 'client-key': '/does/not/exist' })
    await expect(connect({ text })).rejects.toMatchObject({ code: 'config' })
  })
})
