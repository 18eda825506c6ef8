import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from '@jest/globals'
import { kustomizationKind } from '@weir/shared/api'
import { serve } from '@weir/shared/http'
import type { Kube } from '@weir/shared/kube'
import { quietTelemetry } from '@weir/shared/telemetry'
import { connect } from '../connection/connect.ts'
import { follow, type FollowOptions } from './follow.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

/** A server whose first list, with all its repetitions, fails. */
async function startRecovering(): Promise<Kube> {
  const asked = { lists: 0 }
  const reply = (response: ServerResponse, status: number, body: object): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }
  const server = await serve({
    address: '127.0.0.1:0',
    telemetry: quietTelemetry(),
    handler({ url = '' }, response) {
      if (url.includes('watch=1')) return response.flushHeaders()
      asked.lists++
      if (asked.lists <= 5) return reply(response, 503, { kind: 'Status', message: 'not yet' })
      reply(response, 200, { kind: 'KustomizationList', metadata: { resourceVersion: '1' }, items: [{ metadata: { name: 'apps', namespace: 'default', resourceVersion: '1' } }] })
    },
  })
  const dir = await mkdtemp(join(tmpdir(), 'weir-follow-'))
  const kubeconfig = join(dir, 'config')
  const [clusters, contexts] = [[{ name: 'k', cluster: { server: server.url } }], [{ name: 'c', context: { cluster: 'k', user: 'u' } }]]
  await writeFile(kubeconfig, JSON.stringify({ 'current-context': 'c', clusters, contexts, users: [{ name: 'u', user: {} }] }))
  const { kube } = await connect({ kubeconfig })
  closers.push(() => rm(dir, { recursive: true }), () => server.close(0), () => kube.close())
  return kube
}

describe('follow, where nothing can be listed at first', () => {
  const told: string[] = []
  const options = (stop: AbortController): FollowOptions => ({
    kinds: [kustomizationKind],
    signal: stop.signal,
    onStart: (objects) => void told.push(`${objects.length} at first`),
    onChange(object, change) {
      told.push(`${object.metadata.name} ${change}`)
      stop.abort()
    },
    onTrouble: (error) => void told.push(error.message),
  })
  afterEach(() => void told.splice(0))

  it('says so once, and tells what there is when it can be listed', async () => {
    const kube = await startRecovering()
    await follow(kube, options(new AbortController()))
    expect(told).toEqual(['list kustomizations.kustomize.toolkit.fluxcd.io: not yet', '0 at first', 'apps changed'])
  })

  it('ends with the error, where that is wanted', async () => {
    const kube = await startRecovering()
    await expect(follow(kube, { ...options(new AbortController()), whenNothingIsListed: 'reject' })).rejects.toMatchObject({ code: 'server', status: 503 })
    expect(told).toEqual([])
  })
})
