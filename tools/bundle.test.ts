import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { loadAll } from 'js-yaml'
import type { Cluster } from '@weir/shared/control-plane'
import { helmBinary } from '@weir/shared/engine'
import { isInside } from '@weir/shared/files'
import { installChart, testControlPlane } from '@weir/shared/testing'
import { bundleWeir, type Bundle } from './bundle.ts'

const root = new URL('..', import.meta.url).pathname

/** What the chart runs: the arguments of the one container, and where a volume is mounted. */
interface Pod {
  readonly args: readonly string[]
  readonly volumes: readonly string[]
}

interface Rendered {
  readonly kind?: string
  readonly metadata?: { readonly name: string }
  readonly spec?: { readonly template: { readonly spec: { readonly containers: readonly { readonly args: readonly string[]; readonly volumeMounts: readonly { readonly mountPath: string }[] }[] } } }
}

async function podOf(controller: string): Promise<Pod> {
  const rendered = execFileSync(await helmBinary(), ['template', 'weir', join(root, 'charts/weir'), '--namespace', 'weir-system'], { encoding: 'utf8' })
  const deployment = (loadAll(rendered) as (Rendered | null)[]).find((each) => each?.kind === 'Deployment' && each.metadata?.name === controller)
  const container = deployment?.spec?.template.spec.containers[0]
  return { args: container?.args ?? [], volumes: container?.volumeMounts.map(({ mountPath }) => mountPath) ?? [] }
}

/**
 * Runs a program as in a pod with a read-only root: of all folders at the top only the volumes can be written to, and they are
 * empty. What holds the checkout stays as it is. All of it is gone with the program.
 */
const likeAPod = `set -eu
root=$1; kubeconfig=$2; checkout=$3; volumes=$4; shift 4
mount --make-rprivate /
mount -t tmpfs weir-test "$root"
cp "$kubeconfig" "$root/kubeconfig"
for path in /*; do
  case " $volumes " in *" $path "*) continue ;; esac
  if [ -L "$path" ]; then cp -P "$path" "$root$path"
  elif [ -d "$path" ]; then
    mkdir "$root$path"
    mount --rbind "$path" "$root$path"
    case "$path" in /proc | /sys | /dev | "$checkout") ;; *) mount -o remount,bind,ro "$root$path" ;; esac
  fi
done
for path in $volumes; do mkdir -p "$root$path"; mount -t tmpfs weir-test "$root$path"; done
mount -o remount,ro "$root"
exec chroot "$root" "$@"`

const pods = await Promise.all(['source-controller', 'kustomize-controller'].map(async (controller) => [controller, await podOf(controller)] as const))

/** Why a program cannot be run so here. */
function whyNoPod(): string | undefined {
  const volumes = pods.flatMap(([, pod]) => pod.volumes)
  if (volumes.some((volume) => isInside(volume, root) || isInside(volume, process.execPath))) return 'the checkout or Node is where a volume of the pod would be'
  return spawnSync('unshare', ['--mount', 'mount', '--make-rprivate', '/']).status === 0 ? undefined : 'nothing can be mounted here'
}

const noPod = whyNoPod()
const inAPod = noPod === undefined ? it : it.skip

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
    const madeMs = statSync(bundle.file).mtimeMs
    expect(await bundleWeir()).toEqual(bundle)
    expect(statSync(bundle.file).mtimeMs).toBe(madeMs)
  })

  it('is the whole command', async () => {
    expect(await run(['version'])).toMatchObject({ code: 0, out: expect.stringContaining('kustomize.toolkit.fluxcd.io/v1 Kustomization') })
    expect(await run(['all', '--help'])).toMatchObject({ code: 0, out: expect.stringContaining('--storage-path') })
    expect(await run(['get'], { HOME: folder })).toMatchObject({ code: 3, out: expect.stringContaining('no cluster') })
    expect(await run(['nope'])).toMatchObject({ code: 2 })
  })

  it('costs one byte of memory a character: with one beyond Latin-1 each controller would hold 4 MiB more', () => {
    const beyond = readFileSync(bundle.file, 'utf8').matchAll(/.{0,40}[^\u0000-\u00ff].{0,20}/g)
    expect([...beyond].map(([text]) => text)).toEqual([])
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

    it.each([['source-controller'], ['kustomize-controller']])('starts %s, and stops when told', async (controller) => {
      const args = [controller, `--kubeconfig=${cluster.kubeconfig(controller)}`, '--health-addr=0', '--metrics-addr=0']
      const own = controller === 'source-controller' ? [`--storage-path=${join(folder, 'storage')}`, '--storage-addr=127.0.0.1:0'] : [`--cache-path=${join(folder, 'cache')}`]
      await untilReady(start([...args, ...own])) // fills the compile cache
      const log = await untilReady(start([...args, ...own]))
      // The engine's sources are found from the bundle, too.
      expect(log).not.toContain('"level":"error"')
    })

    inAPod.each(pods)(`starts %s with the arguments of the chart, where only the volumes of its pod can be written to${noPod === undefined ? '' : ` (skipped: ${noPod})`}`, async (controller, pod) => {
      const place = join(folder, `pod-${controller}`)
      mkdirSync(place)
      const own = ['--kubeconfig=/kubeconfig', '--health-addr=0', '--metrics-addr=0', ...(controller === 'source-controller' ? ['--storage-addr=127.0.0.1:0'] : [])]
      const program = [process.execPath, ...bundle.nodeFlags, bundle.file, ...pod.args, ...own]
      const script = ['--mount', 'sh', '-c', likeAPod, 'sh', place, cluster.kubeconfig(controller), `/${root.split('/')[1]}`, pod.volumes.join(' ')]
      const { PATH = '', HOME = '' } = process.env
      const child = spawn('unshare', [...script, ...program], { env: { PATH, HOME, ...bundle.env, RUNTIME_NAMESPACE: 'weir-system' }, stdio: ['ignore', 'pipe', 'pipe'] })
      expect(await untilReady(child)).not.toContain('"level":"error"')
    })

    it('does not start with a Git cache in the folder that it serves', async () => {
      const storage = join(folder, 'served')
      const args = ['source-controller', `--kubeconfig=${cluster.kubeconfig('source-controller')}`, '--health-addr=0', '--metrics-addr=0', `--storage-path=${storage}`, `--git-cache-path=${storage}/git`]
      await expect(untilReady(start(args))).rejects.toThrow('must be in folders of their own')
    })

    /** What it had said when it was ready; then it is stopped. */
    async function untilReady(child: ChildProcess): Promise<string> {
      const log: string[] = []
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      child.stdout?.setEncoding('utf8').on('data', (text: string) => {
        log.push(text)
        if (log.join('').includes('"msg":"ready"')) resolve()
      })
      child.stderr?.setEncoding('utf8').on('data', (text: string) => log.push(text))
      child.on('exit', () => reject(new Error(log.join(''))))
      await promise
      child.kill('SIGTERM')
      const [code] = (await once(child, 'close')) as [number | null]
      expect(code).toBe(0)
      return log.join('')
    }
  })
})
