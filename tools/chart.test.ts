import { execFileSync, spawnSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from '@jest/globals'
import { load, loadAll } from 'js-yaml'
import { customResourceDefinitions } from '@weir/shared/api/schemas'
import { helmBinary } from '@weir/shared/engine'
import { isInside } from '@weir/shared/files'

const root = new URL('..', import.meta.url).pathname
const chart = join(root, 'charts/weir')

interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
  readonly [key: string]: unknown
}

interface Container {
  readonly args: readonly string[]
  readonly volumeMounts: readonly { readonly mountPath: string; readonly readOnly?: boolean }[]
  readonly securityContext: { readonly readOnlyRootFilesystem: boolean }
}

/** A module of a controller, which only the command may know otherwise. */
async function moduleOf(file: string): Promise<Readonly<Record<string, (...given: readonly unknown[]) => unknown>>> {
  return (await import(join(root, 'packages', file))) as Record<string, (...given: readonly unknown[]) => unknown>
}

/** Every folder that a controller writes to when it is started so. */
async function writtenFolders(controller: string, argv: readonly string[]): Promise<readonly string[]> {
  const { parseOptions } = await moduleOf(`${controller}/src/options.ts`)
  const parsed = parseOptions?.(argv, {}) as { readonly options: { readonly flags: Readonly<Record<string, string>> } }
  const { flags } = parsed.options
  if (controller === 'kustomize-controller') return [flags['cache-path'] || '/tmp/weir-kustomize-controller']
  const { foldersOf } = await moduleOf('source-controller/src/folders.ts')
  return Object.values(foldersOf?.(flags) as Readonly<Record<string, string>>)
}

describe('the chart', () => {
  let helm = ''
  beforeAll(async () => {
    helm = await helmBinary()
  }, 60_000)

  it('has current definitions', () => {
    expect(() => execFileSync(process.execPath, [join(root, 'tools/generate.ts'), '--check'], { stdio: 'pipe' })).not.toThrow()
    expect(globSync('crds/*.yaml', { cwd: chart })).toHaveLength(customResourceDefinitions().length)
  })

  it('passes lint', () => {
    expect(spawnSync(helm, ['lint', chart], { encoding: 'utf8' })).toMatchObject({ status: 0 })
  })

  it('runs each controller with its own identity', () => {
    const names = idsOf(template())
    expect(names).toEqual(expect.arrayContaining(['Deployment/source-controller', 'Deployment/kustomize-controller', 'Service/source-controller']))
    expect(names).toContain('ClusterRoleBinding/weir-kustomize-controller-cluster-admin')
    expect(names).not.toContain('ClusterRoleBinding/weir-source-controller-cluster-admin')
  })

  it.each([
    ['sourceController', 'source-controller'],
    ['kustomizeController', 'kustomize-controller'],
  ])('leaves %s out when it is switched off', (value, name) => {
    const names = idsOf(template(`--set=${value}.enabled=false`))
    expect(names.filter((id) => id.includes(name))).toEqual([])
    expect(names).toContain('Role/weir-lease')
  })

  it('renders nothing when all is switched off', () => {
    expect(template('--set=sourceController.enabled=false', '--set=kustomizeController.enabled=false')).toEqual([])
  })

  it('gives no cluster-admin when it is switched off', () => {
    expect(idsOf(template('--set=rbac.clusterAdmin=false')).filter((id) => id.includes('cluster-admin'))).toEqual([])
  })

  it('ships the rights that the plain files say', () => {
    const rendered = template()
    for (const path of globSync('rbac/*.yaml', { cwd: chart })) {
      const plain = load(readFileSync(join(chart, path), 'utf8')) as Manifest
      const shipped = rendered.find((object) => object.kind === plain.kind && object.metadata.name === plain.metadata.name)
      expect(shipped?.['rules']).toEqual(plain['rules'])
    }
  })

  it('gives no controller wildcards or deletion in its own role', () => {
    for (const path of globSync('rbac/*-controller.yaml', { cwd: chart })) {
      const { rules } = load(readFileSync(join(chart, path), 'utf8')) as { rules: { resources: string[]; verbs: string[] }[] }
      const wild = rules.filter((rule) => [...rule.resources, ...rule.verbs].includes('*') || rule.verbs.includes('delete'))
      expect(wild).toEqual([])
    }
  })

  it('passes the flags on', () => {
    const [deployment] = template('--set=natsUrl=nats://n:4222', '--set=sourceController.args={--concurrent=10}').filter(
      (object) => object.kind === 'Deployment' && object.metadata.name === 'source-controller',
    )
    const text = JSON.stringify(deployment)
    expect(text).toContain('"--nats-url=nats://n:4222"')
    expect(text).toContain('"--concurrent=10"')
    expect(text).toContain('"--storage-adv-addr=source-controller.weir-system.svc.cluster.local."')
  })

  it.each(['source-controller', 'kustomize-controller'])('mounts a volume for every folder that %s writes to', async (name) => {
    const { args, volumeMounts, securityContext } = containerOf(name)
    expect([securityContext.readOnlyRootFilesystem, args[0]]).toEqual([true, name])
    const volumes = volumeMounts.filter(({ readOnly }) => readOnly !== true).map(({ mountPath }) => mountPath)
    const folders = await writtenFolders(name, args.slice(1))
    expect(folders.filter((folder) => !volumes.some((volume) => isInside(volume, folder)))).toEqual([])
  })

  it.each(['--set=unknown=1', '--set=sourceController.replicas=-1', '--set=logLevel=loud', '--set=image.repository='])('refuses %s', (value) => {
    expect(spawnSync(helm, ['template', 'weir', chart, value], { encoding: 'utf8' }).status).not.toBe(0)
  })

  function containerOf(name: string): Container {
    const deployment = template().find((object) => object.kind === 'Deployment' && object.metadata.name === name)
    const spec = deployment?.['spec'] as { readonly template: { readonly spec: { readonly containers: readonly [Container] } } }
    return spec.template.spec.containers[0]
  }

  function template(...options: readonly string[]): readonly Manifest[] {
    const text = execFileSync(helm, ['template', 'weir', chart, '--namespace', 'weir-system', ...options], { encoding: 'utf8' })
    return loadAll(text).filter((object): object is Manifest => object !== null && object !== undefined)
  }
})

function idsOf(objects: readonly Manifest[]): readonly string[] {
  return objects.map((object) => `${object.kind}/${object.metadata.name}`)
}
