import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { kubectlBinary } from '@weir/shared/engine'
import type { KubeObject } from '@weir/shared/kube'
import { parseYamlDocuments } from '@weir/shared/manifest'
import type { Unit } from './fleet-plan.ts'
import { baseFiles, effectiveShape, filesOf, folderOf, type Site } from './render-unit.ts'

const exec = promisify(execFile)

export interface Expected {
  readonly unit: string
  readonly object: KubeObject
}

/**
 * What the units declare, built by `kubectl kustomize`: one process for all of them, and nothing of ours in it. Variables are filled in by
 * plain text replacement. `bases` are the values of the bases by repository.
 */
export async function renderExpected(site: Site, units: readonly Unit[], bases: readonly string[]): Promise<readonly Expected[]> {
  const built = units.filter(({ parts }) => parts.length > 0)
  if (built.length === 0) return []
  const root = await mkdtemp(path.join(tmpdir(), 'weir-chaos-'))
  try {
    await writeTree(root, treeOf(site, built, bases))
    const { stdout } = await exec(await kubectlBinary(), ['kustomize', root], { maxBuffer: 1 << 26 })
    const objects = parseYamlDocuments(stdout, { dialect: 'kyaml' }) as readonly KubeObject[]
    return objects.map((object) => finish(site, units, object))
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}

function treeOf(site: Site, units: readonly Unit[], bases: readonly string[]): Readonly<Record<string, string>> {
  const below = (repository: number, files: Readonly<Record<string, string>>): readonly (readonly [string, string])[] => Object.entries(files).map(([name, text]) => [`r${repository}/${name}`, text])
  const folders = units.flatMap((unit) => below(unit.repository, { ...filesOf(site, unit), ...generated(site, unit) }))
  const top = JSON.stringify({ resources: units.map((unit) => `r${unit.repository}/${folderOf(unit)}`) })
  return Object.fromEntries([...folders, ...bases.flatMap((value, index) => below(index, baseFiles(site, value))), ['kustomization.yaml', top]])
}

/** A folder without a kustomization file means all its YAML files. */
function generated(site: Site, unit: Unit): Readonly<Record<string, string>> {
  if (effectiveShape(unit) !== 'plain') return {}
  const names = Object.keys(filesOf(site, unit)).filter((name) => name.endsWith('.yaml'))
  return { [`${folderOf(unit)}/kustomization.yaml`]: JSON.stringify({ resources: names.map((name) => path.basename(name)) }) }
}

async function writeTree(root: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const folder of new Set(Object.keys(files).map((name) => path.dirname(name)))) await mkdir(path.join(root, folder), { recursive: true })
  await Promise.all(Object.entries(files).map(([name, text]) => writeFile(path.join(root, name), text)))
}

function finish(site: Site, units: readonly Unit[], object: KubeObject): Expected {
  const name = object.metadata.labels?.['unit'] ?? ''
  const unit = units.find((each) => each.name === name)
  if (unit === undefined) throw new Error(`${object.kind} ${object.metadata.name} belongs to no unit`)
  const text = JSON.stringify(object)
  const filled = unit.variable === undefined ? text : text.replaceAll('${v}', unit.variable).replaceAll('${canary}', site.canary)
  const whole = toStored(JSON.parse(filled) as KubeObject)
  const labels = { ...whole.metadata.labels, ...(unit.common !== undefined && { common: unit.common }) }
  return { unit: name, object: { ...whole, metadata: { ...whole.metadata, labels } } }
}

/** As the API server keeps it: `stringData` becomes `data`, and a port without a protocol is TCP, which is half of its key. */
function toStored({ stringData, ...object }: KubeObject): KubeObject {
  if (stringData !== undefined) {
    const encoded = Object.entries(stringData as Readonly<Record<string, string>>).map(([key, text]) => [key, Buffer.from(text).toString('base64')] as const)
    return { ...object, data: Object.fromEntries(encoded) }
  }
  const spec = object['spec'] as { readonly ports?: readonly object[] } | undefined
  return object.kind === 'Service' && spec?.ports ? { ...object, spec: { ...spec, ports: spec.ports.map((port) => ({ protocol: 'TCP', ...port })) } } : object
}
