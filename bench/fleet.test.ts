import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { kubectlBinary } from '@weir/shared/engine'
import { substitute } from '@weir/shared/kustomize'
import { parseYamlDocuments, type KubeObject } from '@weir/shared/manifest'
import { appFiles, appNames, fleetFiles, kustomizationOf, objectsOf, type Release, type Shape } from './fleet.ts'

const run = promisify(execFile)
const names = appNames(3)
const held: { dir: string } = { dir: '' }

beforeAll(async () => {
  held.dir = await mkdtemp(path.join(tmpdir(), 'weir-bench-fleet-'))
})
afterAll(() => rm(held.dir, { recursive: true, force: true }))

/** As kustomize builds it, not as our builder does. */
async function build(shape: Shape, release: Release, name: string): Promise<readonly KubeObject[]> {
  const root = await mkdtemp(path.join(held.dir, `${shape}-`))
  for (const [file, content] of Object.entries(fleetFiles(shape, names, release))) {
    await mkdir(path.join(root, path.dirname(file)), { recursive: true })
    await writeFile(path.join(root, file), content)
  }
  const folder = path.join(root, (kustomizationOf(shape, name)['spec'] as { readonly path: string }).path)
  if (shape !== 'overlay') {
    const resources = ['serviceaccount', 'configmap', 'service', 'deployment'].map((kind) => `- ${kind}.yaml\n`)
    await writeFile(path.join(folder, 'kustomization.yaml'), `resources:\n${resources.join('')}`)
  }
  const { stdout } = await run(await kubectlBinary(), ['kustomize', folder])
  const text = shape === 'shared' ? substitute(stdout, new Map([['name', name]]), { strict: true }) : stdout
  return parseYamlDocuments(text, { dialect: 'kyaml' }) as readonly KubeObject[]
}

function byKind(objects: readonly KubeObject[]): Record<string, KubeObject> {
  return Object.fromEntries(objects.map((object) => [object.kind, object]))
}

describe.each(['plain', 'overlay', 'shared'] as const)('shape %s', (shape) => {
  it.each(['first', 'second'] as const)('builds the objects of the limit, release %s', async (release) => {
    expect(byKind(await build(shape, release, 'app-0002'))).toEqual(byKind(objectsOf('app-0002', release)))
  })
})

it('upgrades the data of the ConfigMap and the pod template of the Deployment, nothing else', () => {
  const changed = objectsOf('app-0001', 'second').filter((object, index) => JSON.stringify(object) !== JSON.stringify(objectsOf('app-0001', 'first')[index]))
  expect(changed.map(({ kind }) => kind)).toEqual(['ConfigMap', 'Deployment'])
})

it('touches one app with the files of one app', () => {
  const before = fleetFiles('plain', names, 'first')
  const after = { ...before, ...appFiles('plain', 'app-0002', 'second') }
  const touched = Object.keys(after).filter((file) => after[file] !== before[file])
  expect(touched).toEqual(['apps/app-0002/configmap.yaml', 'apps/app-0002/deployment.yaml'])
})

it('has a folder an app, or one for all', () => {
  expect(Object.keys(fleetFiles('plain', names, 'first'))).toHaveLength(12)
  expect(Object.keys(fleetFiles('overlay', names, 'first'))).toHaveLength(4 + 6)
  expect(Object.keys(fleetFiles('shared', names, 'first'))).toHaveLength(4)
})
