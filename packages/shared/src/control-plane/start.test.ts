import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createApiClient } from './api-client.ts'
import type { ApiClient } from './api-client.ts'
import { readKubeconfig } from './certificates/kubeconfig.ts'
import type { ControlPlane } from './control-plane.ts'
import { grantsOf, installObjects } from './install.ts'
import type { Installable } from './install.ts'
import { stateOf } from './processes/process-table.ts'
import { startControlPlane } from './start.ts'

const clientOf = (cluster: ControlPlane, user?: string): ApiClient => createApiClient(readKubeconfig(readFileSync(cluster.kubeconfig(user), 'utf8')))

/** A call over a client of its own, as connections do not outlive their server. */
async function call(cluster: ControlPlane, path: string, user?: string): Promise<{ status: number; body: unknown }> {
  const client = clientOf(cluster, user)
  return client.call('GET', path).finally(() => client.close())
}

async function until(what: string, ask: () => Promise<boolean>): Promise<void> {
  for (const endMs = performance.now() + 30_000; !(await ask()); await sleep(50)) {
    if (performance.now() > endMs) throw new Error(`${what}: not within 30 s`)
  }
}

function isAlive(pid: number | undefined): boolean {
  return pid !== undefined && stateOf(pid) !== 'ended'
}

const configMap = (name: string): Installable & Record<string, unknown> => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' }, data: { a: 'b' } })

describe('a control plane without controllers', () => {
  const state: { cluster?: ControlPlane } = {}
  const cluster = (): ControlPlane => {
    if (state.cluster === undefined) throw new Error('not started')
    return state.cluster
  }
  beforeAll(async () => {
    state.cluster = await startControlPlane({ fleet: 'api' })
  })
  afterAll(async () => state.cluster?.stop())

  it('says its version, as clients parse it', async () => {
    const { body } = await call(cluster(), '/version')
    expect(body).toMatchObject({ gitVersion: expect.stringMatching(/^v1\.\d+\.\d+$/), major: '1' })
  })

  it('has the namespaces of the controllers', async () => {
    const { body } = await call(cluster(), '/api/v1/namespaces')
    const names = (body as { items: { metadata: { name: string } }[] }).items.map(({ metadata }) => metadata.name)
    expect(names).toEqual(expect.arrayContaining(['weir-system', 'flux-system']))
  })

  it('gives a controller the rights of its roles and no more', async () => {
    expect((await call(cluster(), '/api/v1/secrets', 'source-controller')).status).toBe(403)
    const role = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'reads-secrets' },
      rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['list'] }],
    }
    const lease = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'lease' },
      rules: [{ apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['list'] }],
    }
    await installObjects(grantsOf('source-controller', [role, lease]), { kubeconfig: cluster().kubeconfig() })
    await until('the role', async () => (await call(cluster(), '/api/v1/secrets', 'source-controller')).status === 200)
    expect((await call(cluster(), '/apis/coordination.k8s.io/v1/namespaces/weir-system/leases', 'source-controller')).status).toBe(200)
    expect((await call(cluster(), '/apis/coordination.k8s.io/v1/namespaces/flux-system/leases', 'source-controller')).status).toBe(403)
    expect((await call(cluster(), '/api/v1/configmaps', 'source-controller')).status).toBe(403)
    expect((await call(cluster(), '/api/v1/secrets', 'kustomize-controller')).status).toBe(403)
  })

  it('takes no user without a certificate', async () => {
    const client = createApiClient({ ...readKubeconfig(readFileSync(cluster().kubeconfig(), 'utf8')), certificate: undefined, key: undefined })
    expect((await client.call('GET', '/api/v1/namespaces')).status).toBe(401)
    client.close()
  })

  it('installs definitions and objects of the kinds that they define', async () => {
    const definition = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'rivers.example.org' },
      spec: {
        group: 'example.org',
        scope: 'Namespaced',
        names: { plural: 'rivers', kind: 'River' },
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
      },
    }
    const river: Installable = { apiVersion: 'example.org/v1', kind: 'River', metadata: { name: 'ouse', namespace: 'default' } }
    await installObjects([river, definition, configMap('beside')], { kubeconfig: cluster().kubeconfig() })
    await installObjects([river, definition], { kubeconfig: cluster().kubeconfig() })
    expect((await call(cluster(), '/apis/example.org/v1/namespaces/default/rivers/ouse')).status).toBe(200)
  })

  it('says which object it refused, and why', async () => {
    const options = { kubeconfig: cluster().kubeconfig() }
    await expect(installObjects([{ ...configMap('Not A Name') }], options)).rejects.toMatchObject({ code: 'install', message: expect.stringContaining('HTTP 422') })
    await expect(installObjects([{ ...configMap('x'), kind: 'Rver' }], options)).rejects.toMatchObject({ code: 'install', message: 'Rver x: v1 has no such kind' })
  })

  it('writes down every call with its user, query and answer', async () => {
    const tail = await cluster().tailAudit()
    const client = clientOf(cluster(), 'kustomize-controller')
    await client.call('PATCH', '/api/v1/namespaces/default/configmaps/a?fieldManager=m&dryRun=All', configMap('a'))
    client.close()
    const calls: unknown[] = []
    await until('the line', async () => calls.push(...(await tail.take()).filter(({ resource }) => resource === 'configmaps')) > 0)
    expect(calls).toEqual([
      expect.objectContaining({
        verb: 'patch',
        namespace: 'default',
        name: 'a',
        user: 'system:serviceaccount:weir-system:kustomize-controller',
        code: 403,
        requestUri: '/api/v1/namespaces/default/configmaps/a?fieldManager=m&dryRun=All',
      }),
    ])
    expect((await cluster().readAudit()).length).toBeGreaterThan(100)
  })

  it('comes back on the same port with its objects after its API server was killed', async () => {
    await installObjects([configMap('kept')], { kubeconfig: cluster().kubeconfig() })
    const pid = cluster().pid('kube-apiserver')
    await cluster().kill('kube-apiserver')
    expect(isAlive(pid)).toBe(false)
    expect(cluster().pid('kube-apiserver')).toBeUndefined()
    await expect(call(cluster(), '/readyz')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await cluster().restart('kube-apiserver')
    expect((await call(cluster(), '/api/v1/namespaces/default/configmaps/kept')).status).toBe(200)
  })

  it('comes back with its objects after etcd was killed', async () => {
    await cluster().kill('etcd')
    await cluster().restart('etcd')
    expect((await call(cluster(), '/api/v1/namespaces/default/configmaps/kept')).status).toBe(200)
  })

  it('says nothing while its API server is paused', async () => {
    await cluster().pause('kube-apiserver')
    const answer = call(cluster(), '/version')
    expect(await Promise.race([answer, sleep(300, 'nothing')])).toBe('nothing')
    cluster().resume('kube-apiserver')
    expect((await answer).status).toBe(200)
  })

  it('has no part that its fleet does not have', async () => {
    await expect(cluster().restart('kwok')).rejects.toMatchObject({ code: 'unsupported' })
    await expect(cluster().pause('kube-scheduler')).rejects.toMatchObject({ code: 'unsupported' })
  })

  it('shows its keys to nobody else', () => {
    expect(statSync(cluster().kubeconfig()).mode & 0o077).toBe(0)
    expect(statSync(cluster().dir).mode & 0o077).toBe(0)
  })

  it('runs beside another one, which leaves nothing behind when it stops', async () => {
    const other = await startControlPlane({ fleet: 'api' })
    expect(other.url).not.toBe(cluster().url)
    await installObjects([configMap('only-here')], { kubeconfig: other.kubeconfig() })
    expect((await call(cluster(), '/api/v1/namespaces/default/configmaps/only-here')).status).toBe(404)
    const pids = [other.pid('etcd'), other.pid('kube-apiserver')]
    await other.stop()
    await other.stop()
    expect(pids.map(isAlive)).toEqual([false, false])
    expect(existsSync(other.dir)).toBe(false)
  })
})

describe('a full control plane', () => {
  it('rolls out deployments, completes jobs, collects garbage and finishes namespaces', async () => {
    await using cluster = await startControlPlane({ fleet: 'full' })
    const at = async (path: string): Promise<Record<string, unknown>> => (await call(cluster, path)).body as Record<string, unknown>
    const template = (labels: Record<string, string>, more: object = {}): object => ({ metadata: { labels }, spec: { containers: [{ name: 'c', image: 'example.org/none' }], ...more } })
    const labels = { app: 'web' }
    const inTown = (name: string) => ({ metadata: { name, namespace: 'town' } })
    const objects: readonly (Installable & Record<string, unknown>)[] = [
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'town' } },
      { apiVersion: 'apps/v1', kind: 'Deployment', ...inTown('web'), spec: { replicas: 3, selector: { matchLabels: labels }, template: template(labels) } },
      { apiVersion: 'batch/v1', kind: 'Job', ...inTown('once'), spec: { template: template({}, { restartPolicy: 'Never' }) } },
    ]
    await installObjects(objects, { kubeconfig: cluster.kubeconfig() })
    await until('the deployment', async () => (await at('/apis/apps/v1/namespaces/town/deployments/web'))['status']?.['availableReplicas' as never] === 3)
    await until('the job', async () => (await at('/apis/batch/v1/namespaces/town/jobs/once'))['status']?.['succeeded' as never] === 1)
    const accounts = await at('/api/v1/namespaces/town/serviceaccounts/default')
    expect(accounts['kind']).toBe('ServiceAccount')

    const { certificate, key, authority } = readKubeconfig(readFileSync(cluster.kubeconfig(), 'utf8'))
    const { Agent, request } = await import('node:https')
    const agent = new Agent({ ca: authority, cert: certificate, key })
    await once(request(`${cluster.url}/api/v1/namespaces/town`, { method: 'DELETE', agent }).end(), 'response')
    agent.destroy()
    await until('the namespace', async () => (await call(cluster, '/api/v1/namespaces/town')).status === 404)
  })
})

describe('a kept folder', () => {
  it('brings back objects, port and users', async () => {
    // Longer than the name of a socket may be.
    const root = mkdtempSync(join(tmpdir(), 'weir-test-'))
    const dir = join(root, 'a'.repeat(60), 'b'.repeat(60))
    const first = await startControlPlane({ fleet: 'api', dir })
    await installObjects([configMap('kept')], { kubeconfig: first.kubeconfig() })
    const users = readFileSync(first.kubeconfig(), 'utf8')
    await expect(startControlPlane({ fleet: 'api', dir })).rejects.toMatchObject({ code: 'in-use' })
    await first.stop()
    const second = await startControlPlane({ fleet: 'api', dir })
    expect(second.url).toBe(first.url)
    expect(readFileSync(second.kubeconfig(), 'utf8')).toBe(users)
    expect((await call(second, '/api/v1/namespaces/default/configmaps/kept')).status).toBe(200)
    await second.stop()

    const taken = createServer().listen(Number(new URL(first.url).port), '127.0.0.1')
    await once(taken, 'listening')
    const third = await startControlPlane({ fleet: 'api', dir })
    expect(third.url).not.toBe(first.url)
    expect((await call(third, '/api/v1/namespaces/default/configmaps/kept')).status).toBe(200)
    await third.stop()
    taken.close()
    rmSync(root, { recursive: true, force: true })
  })
})

describe('a start', () => {
  it('that fails says what the part said, and leaves nothing behind', async () => {
    const assets = mkdtempSync(join(tmpdir(), 'weir-test-'))
    const script = (text: string): string => `#!/bin/sh\n${text}\n`
    writeFileSync(join(assets, 'etcd'), script(`echo $$ > ${assets}/pid; exec sleep 60`), { mode: 0o755 })
    writeFileSync(join(assets, 'kube-apiserver'), script('sleep 0.2; echo "unknown flag: --frobnicate"; exit 1'), { mode: 0o755 })
    const dir = join(assets, 'run')
    await expect(startControlPlane({ fleet: 'api', assets, dir })).rejects.toMatchObject({ code: 'start', message: 'kube-apiserver ended: unknown flag: --frobnicate' })
    expect(isAlive(Number(readFileSync(join(assets, 'pid'), 'utf8')))).toBe(false)
    rmSync(assets, { recursive: true, force: true })
  })

  it('can be given up', async () => {
    const abort = new AbortController()
    const start = startControlPlane({ fleet: 'api', signal: abort.signal, onProgress: (line) => line.startsWith('starting') && setTimeout(() => abort.abort(), 100) })
    await expect(start).rejects.toMatchObject({ code: 'aborted' })
  })
})

describe('a process that started a control plane', () => {
  it('leaves nothing behind when it is killed', async () => {
    const program = `
      import { startControlPlane } from '${import.meta.dirname}/start.ts'
      const cluster = await startControlPlane({ fleet: 'api' })
      process.stdout.write(JSON.stringify({ dir: cluster.dir, pids: ['etcd', 'kube-apiserver'].map(cluster.pid) }) + '\\n')
      setInterval(() => undefined, 1000)`
    const owner = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = await once(createInterface(owner.stdout), 'line')
    const { dir, pids } = JSON.parse(String(line)) as { dir: string; pids: number[] }
    expect(pids.map(isAlive)).toEqual([true, true])
    owner.kill('SIGKILL')
    await until('the processes', async () => !pids.some(isAlive))
    await until('the folder', async () => !existsSync(dir))
  })
})
