import { describe, expect, it } from '@jest/globals'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runForTest } from './test-world.ts'
import { version } from './version.ts'

describe('the command line', () => {
  it('has the version of its package', () => {
    const manifest = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8')) as { version: string }
    expect(manifest.version).toBe(version)
  })

  it.each([
    [['--help'], 0, /Examples:[^]*Exit codes:/],
    [['get', '--help'], 0, /--watch[^]*Examples:/],
    [['why', '--help'], 0, /Examples:/],
    [['up', '--help'], 0, /--beside[^]*Examples:/],
    [['all', '--help'], 0, /--kubeconfig[^]*--storage-path[^]*|--concurrent-ssa/],
    [['source-controller', '-h'], 0, /--storage-adv-addr/],
    [['help', 'kustomize-controller'], 0, /--concurrent-ssa/],
    [['version'], 0, /kustomize\.toolkit\.fluxcd\.io\/v1 Kustomization/],
    [['--version'], 0, /^\d+\.\d+\.\d+\n$/],
  ])('%j is answered', async (argv, code, text) => {
    const ran = await runForTest(argv)
    expect(ran).toMatchObject({ code, err: '' })
    expect(ran.out).toMatch(text)
  })

  it.each([
    [[], /^$/],
    [['nope'], /unknown command/],
    [['nope', '--help'], /unknown command 'nope'/],
    [['--help', 'nope'], /unknown command 'nope'/],
    [['help', 'nope'], /unknown command 'nope'/],
    [['gett', '-h'], /Did you mean get/],
    [['get', 'nope'], /no such kind/],
    [['get', '--bogus'], /unknown option/],
    [['get', '-o', 'xml'], /xml/],
    [['get', '-A', '-n', 'x'], /cannot be used with/],
    [['why'], /missing required argument/],
    [['why', 'ks'], /name one object/],
    [['all', '--nope'], /unknown flag: --nope/],
    [['all', 'stray'], /unexpected argument/],
    [['all', '--kubeconfig'], /needs an argument/],
    [['kustomize-controller', '--no-cross-namespace-refs'], /not built yet/],
    [['up', '--context', 'x'], /--kubeconfig/],
    [['up', '--beside'], /--kubeconfig/],
    [['up', '--kubeconfig', '/f', '--dir', '/d'], /--dir/],
  ])('%j is a mistake of usage', async (argv, complaint) => {
    const ran = await runForTest(argv)
    expect(ran.code).toBe(2)
    expect(ran.err).toMatch(complaint)
  })

  it.each([[['get']], [['why', 'ks/apps']], [['all', '--health-addr=0', '--metrics-addr=0']], [['up', '--kubeconfig', '/nowhere']]])('%j without a cluster says so and exits 3', async (argv) => {
    const ran = await runForTest(argv, { env: { HOME: '/nowhere' } })
    expect(ran).toMatchObject({ code: 3, out: '' })
    expect(ran.err).toMatch(/no cluster: /)
  })

  it('exits 3 where the cluster does not answer', async () => {
    const env = { KUBECONFIG: join(import.meta.dirname, 'no-such-cluster.test.json') }
    expect(await runForTest(['get'], { env })).toMatchObject({ code: 3 })
  })

  it('says which engine is used, for programs', async () => {
    const { out } = await runForTest(['version', '-o', 'json'])
    expect(JSON.parse(out)).toMatchObject({ weir: version, apis: [{ kind: 'GitRepository' }, { kind: 'Kustomization' }] })
  })
})
