import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Artifact } from '@weir/shared/api'
import { ArtifactError, createFetcher, createStore, serveStore, type ArtifactServer, type Fetcher, type FetcherOptions, type Store } from '@weir/shared/artifact'
import { digestOf } from '@weir/shared/files'
import { createHttp, serve, type Http } from '@weir/shared/http'
import { quietTelemetry } from '@weir/shared/telemetry'

const telemetry = quietTelemetry()
const never = new AbortController().signal

let dir: string
let store: Store
let server: ArtifactServer
let http: Http
let fetcher: Fetcher
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'weir-fetch-'))
  await mkdir(join(dir, 'root'))
  server = await serveStore({ root: join(dir, 'root'), address: '127.0.0.1:0', telemetry })
  store = createStore({ root: join(dir, 'root'), advertised: server.url, retention: { ttlMs: 60_000, records: 2 }, telemetry })
  http = createHttp({ telemetry })
  fetcher = await open()
})
afterEach(async () => {
  await fetcher.close()
  await http.close()
  await server.close()
  await rm(dir, { recursive: true, force: true })
})

function open(options: Partial<FetcherOptions> = {}): Promise<Fetcher> {
  return createFetcher({ http, cacheDir: join(dir, 'cache'), telemetry, retries: 0, ...options })
}

async function put(name: string, files: Readonly<Record<string, string>>): Promise<Artifact> {
  const tree = join(dir, `tree-${name}`)
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(tree, path, '..'), { recursive: true })
    await writeFile(join(tree, path), text)
  }
  return store.put({ kind: 'GitRepository', namespace: 'n', name, file: 'a.tar.gz', tree, revision: 'r' })
}

async function codeOf(artifact: Artifact, signal = never): Promise<string> {
  try {
    const tree = await fetcher.fetch(artifact, signal)
    tree.release()
    return 'ok'
  } catch (error) {
    if (error instanceof ArtifactError) return error.code
    throw error
  }
}

describe('createFetcher', () => {
  it('unpacks once per digest for all who ask at once', async () => {
    const artifact = await put('one', { 'app/a.yaml': 'a', 'b': 'b' })
    const trees = await Promise.all(Array.from({ length: 50 }, () => fetcher.fetch(artifact, never)))
    expect(new Set(trees.map(({ manifest }) => manifest)).size).toBe(1)
    expect(await readdir(join(dir, 'cache/trees'))).toEqual([artifact.digest.replace(':', '-')])
    expect([fetcher.downloads(), server.served()]).toEqual([1, 1])
    const [tree] = trees
    expect([...(tree?.manifest.files ?? [])]).toEqual([['app/a.yaml', digestOf('a')], ['b', digestOf('b')]])
    expect((await tree?.read('b'))?.toString()).toBe('b')
    await expect(tree?.read('../../../etc/passwd')).rejects.toMatchObject({ code: 'not-found' })
    for (const { release } of trees) release()
    expect(await codeOf(artifact)).toBe('ok')
    expect(fetcher.downloads()).toBe(1)
  })

  it('takes a bare hex digest for sha256, and refuses none', async () => {
    const artifact = await put('one', { a: 'a' })
    expect(await codeOf({ ...artifact, digest: artifact.digest.replace('sha256:', '') })).toBe('ok')
    expect(await codeOf({ ...artifact, digest: '' })).toBe('no-digest')
    expect(await codeOf({ ...artifact, digest: 'md5:abc' })).toBe('no-digest')
  })

  it('refuses tampered, truncated, swapped and wrongly sized artifacts', async () => {
    const artifact = await put('one', { a: 'a' })
    const other = await put('two', { a: 'other' })
    const file = join(dir, 'root', artifact.path)
    const bytes = await readFile(file)
    expect(await codeOf({ ...artifact, url: other.url })).toBe('mismatch')
    await writeFile(file, bytes.subarray(0, bytes.byteLength - 5))
    expect(await codeOf(artifact)).toBe('mismatch')
    await writeFile(file, Buffer.concat([bytes, Buffer.from('x')]))
    expect(await codeOf(artifact)).toBe('mismatch')
    const changed = Buffer.from(bytes)
    changed[15] = (changed[15] ?? 0) ^ 1
    await writeFile(file, changed)
    expect(await codeOf(artifact)).toBe('mismatch')
    await writeFile(file, bytes)
    expect(await codeOf(artifact)).toBe('ok')
    expect(await codeOf({ ...artifact, size: 1 })).toBe('mismatch')
    expect(await readdir(join(dir, 'cache/temp'))).toEqual([])
  })

  it('takes a 404 for a source that is not ready, at once', async () => {
    await fetcher.close()
    fetcher = await open({ retries: 9 })
    const artifact = await put('one', { a: 'a' })
    const asked: string[] = []
    const empty = await serve({ address: '127.0.0.1:0', telemetry, handler: ({ url = '' }, response) => (asked.push(url), void response.writeHead(404).end()) })
    expect(await codeOf({ ...artifact, url: `${empty.url}/none` })).toBe('not-found')
    expect(asked).toEqual(['/none'])
    await empty.close()
    expect(await codeOf({ ...artifact, url: 'http://127.0.0.1:9/x' }, AbortSignal.timeout(200))).toBe('aborted')
    await fetcher.close()
    fetcher = await open()
    expect(await codeOf({ ...artifact, url: 'http://127.0.0.1:9/x' })).toBe('unreachable')
  })

  it('refuses hostile and oversized content with a right digest', async () => {
    const bytes = gzipSync(Buffer.from('this is no tar'.padEnd(2000)))
    const path = 'bucket/n/odd/odd.tar.gz'
    await mkdir(join(dir, 'root/bucket/n/odd'), { recursive: true })
    await writeFile(join(dir, 'root', path), bytes)
    const artifact: Artifact = { path, url: `${server.url}/${path}`, revision: 'r', digest: digestOf(bytes), lastUpdateTime: '' }
    expect(await codeOf(artifact)).toBe('unsafe')
    const bomb = await put('bomb', { zeros: '\0'.repeat(1 << 20) })
    await fetcher.close()
    fetcher = await open({ limits: { maxBytes: 1 << 16 }, maxArtifactBytes: 1 << 20 })
    expect(await codeOf(bomb)).toBe('too-large')
    expect(await readdir(join(dir, 'cache/trees'))).toEqual([])
  })

  it('follows no redirect, which could lead to an address that only this process reaches', async () => {
    const artifact = await put('one', { a: 'a' })
    const inner: string[] = []
    const link = { to: '' }
    const redirecting = await serve({ address: '127.0.0.1:0', telemetry, handler: (_, response) => void response.writeHead(302, { location: link.to }).end() })
    const metadata = await serve({
      address: '127.0.0.1:0',
      telemetry,
      handler(request, response) {
        inner.push(request.url ?? '')
        response.end('canary-of-the-metadata-server')
      },
    })
    for (const to of [metadata.url, artifact.url]) {
      link.to = to
      expect(await codeOf({ ...artifact, url: `${redirecting.url}/a.tar.gz` })).toBe('unreachable')
    }
    expect(inner).toEqual([])
    await Promise.all([redirecting.close(), metadata.close()])
  })

  it('says nothing of what a wrong address answers', async () => {
    const artifact = await put('one', { a: 'a' })
    for (const status of [200, 500]) {
      const metadata = await serve({ address: '127.0.0.1:0', telemetry, handler: (_, response) => void response.writeHead(status).end('canary-of-the-metadata-server') })
      const error: unknown = await fetcher.fetch({ ...artifact, digest: digestOf('another'), url: `${metadata.url}/latest/meta-data` }, never).catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(ArtifactError)
      expect(String(error)).not.toContain('canary')
      await metadata.close()
    }
  })

  it('tries a broken body again', async () => {
    const artifact = await put('one', { a: 'a'.repeat(1000) })
    const bytes = await readFile(join(dir, 'root', artifact.path))
    const state = { tries: 0 }
    const flaky = await serve({
      address: '127.0.0.1:0',
      telemetry,
      handler(_request, response) {
        state.tries += 1
        response.writeHead(200, { 'content-length': bytes.byteLength })
        if (state.tries > 1) return void response.end(bytes)
        response.write(bytes.subarray(0, 50))
        setTimeout(() => response.destroy(), 20)
      },
    })
    expect(await codeOf({ ...artifact, url: flaky.url })).toBe('ok')
    expect(state.tries).toBe(2)
    await flaky.close()
  })

  it('gives up an answer that does not come, and says so in the same words each time', async () => {
    const artifact = await put('one', { a: 'a' })
    const begun = await serve({ address: '127.0.0.1:0', telemetry, handler: (_, response) => void response.writeHead(200).write('a') })
    const silent = await serve({ address: '127.0.0.1:0', telemetry, handler: () => undefined })
    await fetcher.close()
    fetcher = await open({ deadlineMs: 200 })
    for (const { url } of [silent, silent, begun]) {
      await expect(fetcher.fetch({ ...artifact, url }, never)).rejects.toMatchObject({ code: 'unreachable', message: `artifact ${artifact.path}: not downloaded within 0.2 s` })
    }
    expect(await readdir(join(dir, 'cache/temp'))).toEqual([])
    await Promise.all([silent.close(0), begun.close(0)])
  })

  it('evicts the least recently used over the budget, never what is in use', async () => {
    await fetcher.close()
    fetcher = await open({ budgetBytes: 40_000 })
    const artifacts = [await put('a', { f: 'a'.repeat(20_000) }), await put('b', { f: 'b'.repeat(20_000) }), await put('c', { f: 'c'.repeat(20_000) })]
    const pinned = await fetcher.fetch(artifacts[0] as Artifact, never)
    expect(await codeOf(artifacts[1] as Artifact)).toBe('ok')
    expect(await codeOf(artifacts[2] as Artifact)).toBe('ok')
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect((await pinned.read('f')).byteLength).toBe(20_000)
    expect((await readdir(join(dir, 'cache/trees'))).length).toBe(1)
    pinned.release()
    pinned.release()
    expect(await codeOf(artifacts[2] as Artifact)).toBe('ok')
    expect(fetcher.downloads()).toBe(4)
  })

  it('leaves the others alone when one of them gives up', async () => {
    const artifact = await put('one', { a: 'a' })
    const abort = new AbortController()
    const both = [codeOf(artifact, abort.signal), codeOf(artifact)]
    abort.abort()
    expect(await Promise.all(both)).toEqual(['aborted', 'ok'])
    const alone = new AbortController()
    const given = codeOf(await put('two', { a: 'two' }), alone.signal)
    alone.abort()
    expect(await given).toBe('aborted')
    expect(await codeOf(await put('two', { a: 'two' }))).toBe('ok')
  })

  it('keeps two revisions of a source, so that going back costs no download', async () => {
    const revisions: Artifact[] = []
    for (const text of ['1', '2', '3']) {
      const artifact = await put('one', { a: text })
      expect(await codeOf(artifact)).toBe('ok')
      revisions.push(artifact)
    }
    expect(fetcher.cachedBytes()).toBe(2 * 4096) // a block of the disk each
    for (const artifact of revisions.slice(1)) expect(await codeOf(artifact)).toBe('ok')
    expect(fetcher.downloads()).toBe(3)
  })

  it('trusts nothing that an earlier process left', async () => {
    const artifact = await put('one', { a: 'a' })
    await fetcher.close()
    const file = join(dir, 'cache/trees', artifact.digest.replace(':', '-'))
    await mkdir(join(dir, 'cache/trees'), { recursive: true })
    await writeFile(file, 'half or tampered')
    fetcher = await open()
    const tree = await fetcher.fetch(artifact, never)
    expect((await tree.read('a')).toString()).toBe('a')
    await writeFile(file, 'b')
    await expect(tree.read('a')).rejects.toMatchObject({ code: 'corrupt' })
    await writeFile(file, '')
    await expect(tree.read('a')).rejects.toMatchObject({ code: 'corrupt' })
    await rm(file)
    await expect(tree.read('a')).rejects.toMatchObject({ code: 'not-found' })
    tree.release()
  })
})
