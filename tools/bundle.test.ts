import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Cluster } from '@weir/shared/control-plane'
import { installChart, testControlPlane } from '@weir/shared/testing'
import { bundleWeir, type Bundle } from './bundle.ts'

/** The budget of a controller's start (docs/benchmarks.md); the machine of the tests is shared with others, hence the allowance on top. */
const startBudgetMs = 1000
const allowance = 4

interface Ended {
  readonly code: number | null
  readonly out: string
}

describe('the bundle', () => {
  let bundle: Bundle
  const folder = mkdtempSync(join(tmpdir(), 'weir-bundle-'))

  function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
    const { PATH = '', HOME = '' } = process.env
    const own = { PATH, HOME, ...bundle.env, ...env }
    return spawn(process.execPath, [...bundle.nodeFlags, bundle.file, ...args], { env: own, stdio: ['ignore', 'pipe', 'pipe'] })
  }

  async function run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
    const child = start(args, env)
    const out: string[] = []
    for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text: string) => out.push(text))
    const [code] = (await once(child, 'close')) as [number | null]
    return { code, out: out.join('') }
  }

  beforeAll(async () => {
    bundle = await bundleWeir()
  })

  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('is made once for each state of the sources', async () => {
    const startedMs = performance.now()
    expect(await bundleWeir()).toEqual(bundle)
    expect(performance.now() - startedMs).toBeLessThan(2000)
  })

  it('is the whole command', async () => {
    expect(await run(['version'])).toMatchObject({ code: 0, out: expect.stringContaining('kustomize.toolkit.fluxcd.io/v1 Kustomization') })
    expect(await run(['all', '--help'])).toMatchObject({ code: 0, out: expect.stringContaining('--storage-path') })
    expect(await run(['get'], { HOME: folder })).toMatchObject({ code: 3, out: expect.stringContaining('no cluster') })
    expect(await run(['nope'])).toMatchObject({ code: 2 })
  })

  it('says the ways to a cluster where it is no part of a checkout', async () => {
    const elsewhere = join(folder, 'weir.cjs')
    copyFileSync(bundle.file, elsewhere)
    const child = spawn(process.execPath, [elsewhere, 'up'], { env: { PATH: '', HOME: folder }, stdio: ['ignore', 'ignore', 'pipe'] })
    const complaints: string[] = []
    child.stderr.setEncoding('utf8').on('data', (text: string) => complaints.push(text))
    expect(await once(child, 'close')).toEqual([3, null])
    expect(complaints.join('')).toMatch(/no cluster: [^]*--kubeconfig/)
  })

  it('has no colours in a pipe', async () => expect((await run(['--help'], { FORCE_COLOR: '1' })).out).not.toContain('\u001b'))

  describe('with a cluster', () => {
    let cluster: Cluster

    beforeAll(async () => {
      cluster = await testControlPlane({ fleet: 'api' })
      await installChart(cluster, { controllers: ['source-controller', 'kustomize-controller'] })
    })

    afterAll(() => cluster.stop())

    it.each([['source-controller'], ['kustomize-controller']])('starts %s within the budget, and stops when told', async (controller) => {
      const args = [controller, `--kubeconfig=${cluster.kubeconfig(controller)}`, '--health-addr=0', '--metrics-addr=0']
      const own = controller === 'source-controller' ? [`--storage-path=${join(folder, 'storage')}`, '--storage-addr=127.0.0.1:0'] : [`--cache-path=${join(folder, 'cache')}`]
      await startUntilReady([...args, ...own]) // fills the compile cache
      const { readyMs, log } = await startUntilReady([...args, ...own])
      expect(readyMs).toBeLessThan(startBudgetMs * allowance)
      // The engine's sources are found from the bundle, too.
      expect(log).not.toContain('"level":"error"')
    })

    /** How long until it said that it is ready; then it is stopped. */
    async function startUntilReady(args: readonly string[]): Promise<{ readonly readyMs: number; readonly log: string }> {
      const startedMs = performance.now()
      const child = start(args)
      const log: string[] = []
      const { promise, resolve, reject } = Promise.withResolvers<number>()
      child.stdout?.setEncoding('utf8').on('data', (text: string) => {
        log.push(text)
        if (log.join('').includes('"msg":"ready"')) resolve(performance.now() - startedMs)
      })
      child.stderr?.setEncoding('utf8').on('data', (text: string) => log.push(text))
      child.on('exit', () => reject(new Error(log.join(''))))
      const readyMs = await promise
      child.kill('SIGTERM')
      const [code] = (await once(child, 'close')) as [number | null]
      expect(code).toBe(0)
      return { readyMs, log: log.join('') }
    }
  })
})
