import { lstat, mkdir, readdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Artifact } from '@weir/shared/api'
import { createDigester, digestFile, FilesError, filesError, isSystemError, packTree, removeTree, secureJoin, withLock, writeAtomic } from '@weir/shared/files'
import type { Telemetry } from '@weir/shared/telemetry'
import { artifactError } from './artifact-error.ts'
import { readIgnoreRules } from './ignore-rules.ts'
import { checkedPart, folderOf, isTransient, kindFolders, placeOf, type Owner } from './layout.ts'
import { chooseExpired, type RetentionRule, type StoredFile } from './retention.ts'

export interface PutRequest extends Owner {
  /** Name of the stored file, such as `<commit>.tar.gz`. */
  readonly file: string
  /** Directory whose content is archived. */
  readonly tree: string
  /** `spec.ignore`: patterns that win over those of the tree's own `.sourceignore` files. */
  readonly ignore?: string
  readonly revision: string
  readonly metadata?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

/** Artifacts on this process's disk. */
export interface Store {
  /**
   * Archives a directory, reproducibly and atomically. ArtifactError `full`, `read-only`, `unsafe` (a name no consumer takes),
   * `ignore-rules`, `io`, `aborted`.
   */
  put(request: PutRequest): Promise<Artifact>
  /**
   * Whether the file is there, regular, and has the size and digest of `artifact`. A corrupt one is removed. The bytes are read
   * again only if the file changed since they were last found right.
   */
  check(artifact: Artifact): Promise<'ok' | 'missing' | 'corrupt'>
  /** The same artifact under the address that is advertised now. */
  advertise(artifact: Artifact): Artifact
  /** Removes what the retention rule lets go; says which files, sorted. */
  retain(owner: Owner & { readonly current?: Artifact }): Promise<readonly string[]>
  /** Removes everything of one object. */
  drop(owner: Owner): Promise<void>
  /** Removes half-written files and lock files that a dead process left. Call it before the first `put`. */
  purge(): Promise<void>
}

export interface StoreOptions {
  readonly root: string
  /** `host[:port]`, or a URL with scheme: what artifact URLs begin with. */
  readonly advertised: string
  readonly retention: RetentionRule
  /** `--artifact-digest-algo`; default sha256. */
  readonly digestAlgorithm?: 'sha256' | 'sha384' | 'sha512'
  readonly telemetry: Telemetry
  readonly now?: () => Date
}

export function createStore(options: StoreOptions): Store {
  const { root, retention, now = () => new Date() } = options
  const base = /^https?:\/\//.test(options.advertised) ? options.advertised : `http://${options.advertised}`
  const urlOf = (path: string): string => `${base.replace(/\/$/, '')}/${path}`
  const verified = new Map<string, string>()

  return {
    async put(request) {
      const path = `${folderOf(request)}/${checkedPart(request.file)}`
      const { digest, sizeBytes } = await archive(join(root, path), request, options.digestAlgorithm)
      return {
        path,
        url: urlOf(path),
        revision: request.revision,
        digest,
        size: sizeBytes,
        lastUpdateTime: wholeSeconds(now()),
        ...(request.metadata === undefined ? {} : { metadata: { ...request.metadata } }),
      }
    },
    check: (artifact) => check(root, artifact, verified),
    advertise: (artifact) => ({ ...artifact, url: urlOf(artifact.path) }),
    async retain({ current, ...owner }) {
      const folder = join(root, folderOf(owner))
      const files = await storedFiles(folder)
      const expired = chooseExpired({ files, current: current?.path.split('/').at(-1), rule: retention, nowMs: now().getTime() })
      for (const name of expired) {
        await rm(join(folder, name), { force: true }).catch(fail('remove an expired artifact'))
        await rm(join(folder, `${name}.lock`), { force: true }).catch(fail('remove an expired artifact'))
        verified.delete(`${folderOf(owner)}/${name}`)
      }
      return expired
    },
    async drop(owner) {
      await removeTree(join(root, folderOf(owner))).catch(fail('remove the artifacts'))
      for (const path of verified.keys()) if (path.startsWith(`${folderOf(owner)}/`)) verified.delete(path)
    },
    purge: () => purge(root).catch(fail('clean the artifact store')),
  }
}

async function archive(path: string, request: PutRequest, algorithm = 'sha256'): Promise<{ readonly digest: string; readonly sizeBytes: number }> {
  const digester = createDigester(algorithm)
  const attempt = `store ${request.file}`
  try {
    const keep = await readIgnoreRules(request.tree, request.ignore)
    const abort = request.signal ? { signal: request.signal } : {}
    const measured = async function* (): AsyncGenerator<Buffer> {
      for await (const chunk of packTree(request.tree, { keep, ...abort })) {
        digester.update(chunk)
        yield chunk
      }
    }
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    await withLock(`${path}.lock`, () => writeAtomic(path, measured(), { mode: 0o600, ...abort }), abort)
  } catch (error) {
    throw artifactError(isSystemError(error) ? filesError(error, 'write') : error, attempt)
  }
  return { digest: digester.digest(), sizeBytes: digester.sizeBytes }
}

async function check(root: string, artifact: Artifact, verified: Map<string, string>): Promise<'ok' | 'missing' | 'corrupt'> {
  // A status can be written by others: it names no file that is not an artifact's.
  if (placeOf(artifact.path.split('/')) !== 'file') return 'missing'
  const path = await secureJoin(root, artifact.path).catch(() => undefined)
  const found = path === undefined ? undefined : await lstat(path).catch(() => undefined)
  if (path === undefined || !found?.isFile()) return 'missing'
  const identity = [found.ino, found.size, found.mtimeMs, found.ctimeMs, artifact.digest, artifact.size ?? ''].join(' ')
  if (verified.get(artifact.path) === identity) return 'ok'
  if (await isWhole(path, artifact)) {
    verified.set(artifact.path, identity)
    return 'ok'
  }
  verified.delete(artifact.path)
  await rm(path, { force: true }).catch(fail('remove a corrupt artifact'))
  return 'corrupt'
}

async function isWhole(path: string, { digest, size }: Artifact): Promise<boolean> {
  const [algorithm = ''] = digest.split(':')
  if (!['sha256', 'sha384', 'sha512', 'sha1'].includes(algorithm)) return false
  const found = await digestFile(path, { algorithm }).catch(fail('read an artifact'))
  return found.digest === digest && (size === undefined || size === found.sizeBytes)
}

async function storedFiles(folder: string): Promise<readonly StoredFile[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    const failure = filesError(error, 'list artifacts')
    if (failure.code === 'not-found') return []
    throw artifactError(failure, 'list artifacts')
  })
  const names = entries.filter((entry) => entry.isFile() && !isTransient(entry.name)).map(({ name }) => name)
  const found = await Promise.all(names.map(async (name) => ({ name, modifiedMs: (await lstat(join(folder, name)).catch(() => undefined))?.mtimeMs })))
  return found.flatMap(({ name, modifiedMs }) => (modifiedMs === undefined ? [] : [{ name, modifiedMs }]))
}

/** Only where artifacts are: a volume may hold folders of others, also such that we may not read. */
async function purge(root: string): Promise<void> {
  for (const kind of kindFolders) await purgeFolder(join(root, kind))
}

async function purgeFolder(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch((error: unknown) => {
    if (filesError(error, '').code === 'not-found') return []
    throw filesError(error, 'list')
  })
  for (const entry of entries) if (entry.isFile() && isTransient(entry.name)) await rm(join(entry.parentPath, entry.name), { force: true })
}

function fail(attempt: string): (error: unknown) => never {
  return (error) => {
    throw artifactError(error instanceof FilesError ? error : filesError(error, 'disk'), attempt)
  }
}

/** RFC 3339 in UTC without fractions, as metav1.Time is written. */
function wholeSeconds(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`
}
