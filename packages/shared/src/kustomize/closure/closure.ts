import { parseYaml, parseYamlDocuments, YamlError } from '@weir/shared/manifest'
import { isRecord, spellFields } from './fields.ts'
import type { Kustomization } from './fields.ts'
import { generateKustomization, kustomizationNames } from './generate.ts'
import { KustomizeError } from '../kustomize-error.ts'
import { clampPath, locate } from './locate.ts'
import { overlaySpec } from '../overlay.ts'
import { referencesOf, referencesOfPlugin } from './references.ts'
import type { Reference } from './references.ts'
import type { BuildSpec } from '../spec.ts'
import type { TreeReader } from './tree-reader.ts'

/** What of a tree a build depends on; the same in another tree means the same build. */
export interface Footprint {
  /** Every file that is read, with its digest. */
  readonly files: ReadonlyMap<string, string>
  /** Names that were looked for and are not there. */
  readonly absent: ReadonlySet<string>
  /** Directories whose entries count. */
  readonly listed: ReadonlySet<string>
  /** The build decides itself what it reads: everything counts. */
  readonly whole: boolean
}

/** Every file of the tree that a build reads, found by following every field that names one. */
export interface Closure extends Footprint {
  /** The directory that is built, cleaned. */
  readonly path: string
  /** Files that the engine reads as YAML; the others become content of objects. */
  readonly parsed: ReadonlySet<string>
  /** Kustomization files by path, spelled; the top one merged with the spec. */
  readonly kustomizations: ReadonlyMap<string, Kustomization>
  /** The top one where the tree has none: made from the directory. */
  readonly generated: string | undefined
  /** Sets a schema of its own. */
  readonly ownSchema: boolean
}

interface Scan {
  readonly reader: TreeReader
  readonly spec: BuildSpec
  readonly path: string
  readonly files: Map<string, string>
  readonly parsed: Set<string>
  readonly absent: Set<string>
  readonly listed: Set<string>
  readonly kustomizations: Map<string, Kustomization>
  readonly scanned: Set<string>
  readonly open: string[]
  whole: boolean
  ownSchema: boolean
  generated: string | undefined
}

/** Far beyond any real fleet, and small enough to refuse in a moment. */
const maxRoots = 10_000

/**
 * Follows a build from its path. Throws {@link KustomizeError} for what no build could succeed with: a path that is not
 * there, leaves the source or is remote, a file that is no kustomization.
 */
export async function scanClosure(reader: TreeReader, spec: BuildSpec): Promise<Closure> {
  const path = clampPath(spec.path ?? '')
  if (!reader.isDirectory(path)) {
    throw new KustomizeError('invalid-path', `kustomization path not found: ${spec.path ?? '.'}: no such directory in the source`)
  }
  const scan: Scan = {
    reader, spec, path, files: new Map(), parsed: new Set(), absent: new Set(), listed: new Set(), kustomizations: new Map(),
    scanned: new Set(), open: [path], whole: false, ownSchema: false, generated: undefined,
  }
  for (let directory = scan.open.pop(); directory !== undefined; directory = scan.open.pop()) {
    if (scan.scanned.has(directory)) continue
    scan.scanned.add(directory)
    if (scan.scanned.size > maxRoots) throw new KustomizeError('resource', `more than ${maxRoots} kustomizations in one build`)
    await scanRoot(scan, directory)
  }
  const { files, parsed, absent, listed, kustomizations, whole, ownSchema, generated } = scan
  return { path, files, parsed, absent, listed, kustomizations, whole, ownSchema, generated }
}

async function scanRoot(scan: Scan, directory: string): Promise<void> {
  const file = findKustomization(scan, directory)
  const isTop = directory === scan.path
  if (file === undefined && !isTop) {
    throw new KustomizeError('missing', `${directory || '.'}: no kustomization.yaml, kustomization.yml or Kustomization in this directory`, { file: directory })
  }
  const kustomization = isTop ? await readTop(scan, file) : await readNested(scan, file ?? '')
  const name = file ?? under(directory, 'kustomization.yaml')
  scan.kustomizations.set(name, kustomization)
  if (isRecord(kustomization['openapi'])) scan.ownSchema = true
  const from = { directory, file: name }
  for (const reference of referencesOf(kustomization)) await follow(scan, reference, from)
}

function findKustomization(scan: Scan, directory: string): string | undefined {
  const probed = kustomizationNames.map((name) => under(directory, name))
  const found = probed.filter((file) => scan.reader.isFile(file))
  for (const file of probed) if (!found.includes(file)) scan.absent.add(file)
  if (found.length > 1) {
    throw new KustomizeError('input', `${found.join(', ')}: found multiple kustomization files in one directory`, { file: found[1] })
  }
  const file = found[0]
  if (file !== undefined) addFile(scan, file)
  return file
}

async function readTop(scan: Scan, file: string | undefined): Promise<Kustomization> {
  const { reader, path, spec } = scan
  const exists = (relative: string): boolean => {
    const located = locate(path, relative, 'root')
    if (located.kind !== 'local') return true
    const found = reader.isFile(located.path) || reader.isDirectory(located.path)
    // A component that appears later changes the build.
    if (!found) for (const name of ['', ...kustomizationNames]) scan.absent.add(under(located.path, name))
    return found
  }
  if (file !== undefined) {
    // What kustomize does not know is dropped here, as in Flux, and refused in nested files.
    const { kustomization } = spellFields(await readFile(scan, file))
    return overlaySpec({ kustomization, generated: false, exists }, spec)
  }
  const generated = generateKustomization(reader, path)
  scan.generated = under(path, 'kustomization.yaml')
  for (const directory of generated.listed) scan.listed.add(directory)
  for (const name of generated.absent) scan.absent.add(name)
  return overlaySpec({ kustomization: generated.kustomization, generated: true, exists }, spec)
}

async function readNested(scan: Scan, file: string): Promise<Kustomization> {
  const { kustomization, unknown } = spellFields(await readFile(scan, file))
  if (unknown.length > 0) {
    throw new KustomizeError('input', `${file}: invalid Kustomization: unknown field ${JSON.stringify(unknown[0])}`, { file })
  }
  return kustomization
}

async function readFile(scan: Scan, file: string): Promise<Readonly<Record<string, unknown>>> {
  const text = await scan.reader.text(file)
  const parsed = rethrown(file, () => parseYaml(text, { dialect: 'go' }))
  if (parsed === undefined || parsed === null) return {}
  if (!isRecord(parsed)) throw new KustomizeError('input', `${file}: invalid Kustomization: the file holds no fields`, { file })
  return parsed
}

function rethrown<T>(file: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof YamlError)) throw error
    throw new KustomizeError('input', `${file}: malformed YAML: ${error.message}`, { file, line: error.line, cause: error })
  }
}

interface From {
  readonly directory: string
  readonly file: string
}

async function follow(scan: Scan, reference: Reference, from: From): Promise<void> {
  // An empty name loads nothing, and what is content leads nowhere.
  if (reference.value === '' || (reference.maybeInline && isInline(reference.value))) {
    if (reference.plugin) await followPlugins(scan, { text: reference.value, file: from.file, from })
    return
  }
  const located = locate(from.directory, reference.value, reference.loading)
  if (located.kind === 'remote') throw refused('remote', 'is remote: remote bases and files are not allowed', { reference, from })
  if (located.kind === 'escapes') throw refused('escapes', 'leaves the source', { reference, from })
  const { path } = located
  if (reference.loading !== 'root' && scan.reader.isFile(path)) return followFile(scan, { reference, path, from })
  if (reference.loading !== 'file' && scan.reader.isDirectory(path)) return followRoot(scan, reference, path)
  throw refused('missing', `is not there: no such file${reference.loading === 'file' ? '' : ' or directory'}`, { reference, from })
}

interface Found {
  readonly reference: Reference
  readonly path: string
  readonly from: From
}

async function followFile(scan: Scan, { reference, path, from }: Found): Promise<void> {
  addFile(scan, path)
  if (!reference.content) scan.parsed.add(path)
  if (!reference.plugin) return
  const text = await scan.reader.text(path)
  await followPlugins(scan, { text, file: path, from })
}

function followRoot(scan: Scan, reference: Reference, path: string): void {
  scan.open.push(path)
  // Its patches may rewrite the paths in plugin configurations: only the engine knows what it reads then.
  if (reference.plugin) scan.whole = true
}

interface PluginConfigs {
  readonly text: string
  /** Where the text stands. */
  readonly file: string
  /** Whose paths it uses. */
  readonly from: From
}

async function followPlugins(scan: Scan, { text, file, from }: PluginConfigs): Promise<void> {
  const configs = rethrown(file, () => parseYamlDocuments(text, { dialect: 'kyaml' }))
  for (const config of configs) {
    for (const reference of referencesOfPlugin(config)) await follow(scan, reference, from)
  }
}

/** kustomize tries content first; a path is never a map. */
function isInline(value: string): boolean {
  if (!/[:{\n]/.test(value)) return false
  try {
    const documents = parseYamlDocuments(value, { dialect: 'kyaml' })
    return documents.length > 0 && documents.every((document) => isRecord(document) || document === null)
  } catch (error) {
    if (error instanceof YamlError) return value.includes('\n')
    throw error
  }
}

function addFile(scan: Scan, path: string): void {
  const digest = scan.reader.digest(path)
  if (digest !== undefined) scan.files.set(path, digest)
}

function refused(code: 'remote' | 'escapes' | 'missing', reason: string, where: Omit<Found, 'path'>): KustomizeError {
  const { reference, from } = where
  const value = reference.value.length > 200 ? `${reference.value.slice(0, 200)}…` : reference.value
  return new KustomizeError(code, `${from.file}: ${reference.field}: ${JSON.stringify(value)} ${reason}`, { file: from.file })
}

function under(directory: string, name: string): string {
  if (directory === '') return name
  return name === '' ? directory : `${directory}/${name}`
}
