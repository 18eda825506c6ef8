import { existsSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createApiClient } from './api-client.ts'
import { readKubeconfig } from './certificates/kubeconfig.ts'
import type { ControlPlane } from './control-plane.ts'
import { useExistingCluster } from './existing-cluster.ts'
import { grantsOf, installObjects } from './install.ts'
import { startControlPlane } from './start.ts'

// Somebody else's cluster is here one of our own: only its kubeconfig is used.
const state: { cluster?: ControlPlane } = {}
const kubeconfig = (): string => state.cluster?.kubeconfig() ?? ''
beforeAll(async () => {
  state.cluster = await startControlPlane({ fleet: 'api' })
})
afterAll(async () => state.cluster?.stop())

async function statusOf(file: string, path: string): Promise<number> {
  const client = createApiClient(readKubeconfig(readFileSync(file, 'utf8')))
  return client.call('GET', path).then(({ status }) => status).finally(() => client.close())
}

describe('an existing cluster', () => {
  it('gives every user a token with the rights of that user', async () => {
    await using cluster = await useExistingCluster({ kubeconfig: kubeconfig(), users: ['source-controller'] })
    expect(cluster.url).toBe(state.cluster?.url)
    expect(await statusOf(cluster.kubeconfig(), '/api/v1/secrets')).toBe(200)
    expect(await statusOf(cluster.kubeconfig('source-controller'), '/api/v1/secrets')).toBe(403)
    expect(readFileSync(cluster.kubeconfig(), 'utf8')).not.toContain('client-key')
  })

  it('can be installed into', async () => {
    await using cluster = await useExistingCluster({ kubeconfig: kubeconfig(), users: ['kustomize-controller'] })
    await installObjects(grantsOf('kustomize-controller', [], 'cluster-admin'), { kubeconfig: cluster.kubeconfig() })
    for (let waited = 0; waited < 100 && (await statusOf(cluster.kubeconfig('kustomize-controller'), '/api/v1/secrets')) !== 200; waited++);
    expect(await statusOf(cluster.kubeconfig('kustomize-controller'), '/api/v1/secrets')).toBe(200)
  })

  it('is left without our administrator when we stop', async () => {
    const cluster = await useExistingCluster({ kubeconfig: kubeconfig(), users: [] })
    const file = cluster.kubeconfig()
    const access = readKubeconfig(readFileSync(file, 'utf8'))
    await cluster.stop()
    expect(existsSync(file)).toBe(false)
    const client = createApiClient(access)
    expect([401, 403]).toContain((await client.call('GET', '/api/v1/secrets')).status)
    client.close()
  })

  it('says which user nobody asked for', async () => {
    await using cluster = await useExistingCluster({ kubeconfig: kubeconfig(), users: [] })
    expect(() => cluster.kubeconfig('source-controller')).toThrow('no token was made for source-controller')
  })

  it('that cannot be reached is an error that names the file', async () => {
    await expect(useExistingCluster({ kubeconfig: '/none', users: [] })).rejects.toMatchObject({ code: 'start', message: expect.stringContaining('/none') })
  })
})
