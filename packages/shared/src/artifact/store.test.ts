import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { execFile, execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { createStore, serveStore, type ArtifactServer, type Store } from '@weir/shared/artifact'
import { digestOf } from '@weir/shared/files'
import { quietTelemetry } from '@weir/shared/telemetry'

const owner = { kind: 'GitRepository', namespace: 'flux-system', name: 'fleet' }
const telemetry = quietTelemetry()

let dir: string
let root: string
let tree: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'weir-store-'))
  root = join(dir, 'root')
  tree = join(dir, 'tree')
  await mkdir(join(tree, 'app'), { recursive: true })
  await mkdir(root)
  await writeFile(join(tree, 'app/deploy.yaml'), 'kind: Deployment\n')
  await writeFile(join(tree, 'logo.png'), 'png')
})
afterEach(() => rm(dir, { recursive: true, force: true }))

function open(advertised = 'source-controller.flux-system.svc', at = root): Store {
  return createStore({ root: at, advertised, retention: { ttlMs: 60_000, records: 2 }, telemetry, now: () => new Date('2026-11-24T10:00:00.789Z') })
}

const put = (store: Store, file = 'abc.tar.gz'): ReturnType<Store['put']> => store.put({ ...owner, file, tree, revision: 'main@sha1:abc' })

describe('createStore', () => {
  it('stores an artifact where and as the contract says', async () => {
    const artifact = await put(open())
    const path = 'gitrepository/flux-system/fleet/abc.tar.gz'
    const bytes = await readFile(join(root, path))
    expect(artifact).toEqual({
      path,
      url: `http://source-controller.flux-system.svc/${path}`,
      revision: 'main@sha1:abc',
      digest: digestOf(bytes),
      size: bytes.byteLength,
      lastUpdateTime: '2026-11-24T10:00:00Z',
    })
    expect(execFileSync('tar', ['-tzf', join(root, path)], { encoding: 'utf8' })).toBe('.\napp\napp/deploy.yaml\n')
    expect((await stat(join(root, path))).mode & 0o777).toBe(0o600)
    expect((await stat(join(root, 'gitrepository'))).mode & 0o777).toBe(0o700)
    expect(await readdir(join(root, 'gitrepository/flux-system/fleet'))).toEqual(['abc.tar.gz'])
  })

  it('gives the same digest to the same tree, and a new one to other rules', async () => {
    const store = open()
    const [one, two] = [await put(store), await put(store)]
    expect(two.digest).toBe(one.digest)
    const other = await store.put({ ...owner, file: 'abc.tar.gz', tree, revision: 'r', ignore: '# none\n!*.png' })
    expect(other.digest).not.toBe(one.digest)
  })

  it('advertises under the address of today', async () => {
    const artifact = await put(open())
    expect(open('other:9090').advertise(artifact).url).toBe(`http://other:9090/${artifact.path}`)
    expect(open('https://artifacts.example/').advertise(artifact).url).toBe(`https://artifacts.example/${artifact.path}`)
  })

  it('tells whole, missing and corrupt artifacts apart, and removes corrupt ones', async () => {
    const store = open()
    const artifact = await put(store)
    const file = join(root, artifact.path)
    expect(await store.check(artifact)).toBe('ok')
    expect(await store.check({ ...artifact, path: 'gitrepository/flux-system/fleet/none.tar.gz' })).toBe('missing')
    expect(await store.check({ ...artifact, path: '../../etc/passwd' })).toBe('missing')
    await truncate(file, 10)
    expect(await store.check(artifact)).toBe('corrupt')
    expect(await store.check(artifact)).toBe('missing')
    await put(store)
    expect(await store.check(artifact)).toBe('ok')
    const bytes = await readFile(file)
    bytes[20] = (bytes[20] ?? 0) ^ 1
    await writeFile(file, bytes)
    expect(await store.check(artifact)).toBe('corrupt')
  })

  it('retains by age and number, and takes lock files along', async () => {
    const store = open()
    const old = await put(store, 'old.tar.gz')
    const current = await put(store, 'new.tar.gz')
    await utimes(join(root, old.path), 1000, 1000)
    await writeFile(join(root, `${old.path}.lock`), '')
    expect(await store.retain({ ...owner, current })).toEqual(['old.tar.gz'])
    expect(await readdir(join(root, 'gitrepository/flux-system/fleet'))).toEqual(['new.tar.gz'])
    expect(await store.retain({ ...owner, name: 'nothing-yet' })).toEqual([])
  })

  it('drops everything of one object, and nothing of its neighbour', async () => {
    const store = open()
    await put(store)
    await store.put({ ...owner, name: 'fleet-2', file: 'x.tar.gz', tree, revision: 'r' })
    await store.drop(owner)
    await store.drop(owner)
    expect(await readdir(join(root, 'gitrepository/flux-system'))).toEqual(['fleet-2'])
  })

  it('purges what a killed process left', async () => {
    const store = open()
    const artifact = await put(store)
    await writeFile(join(root, 'gitrepository/flux-system/fleet/.partial-00'), 'half')
    await writeFile(join(root, 'gitrepository/flux-system/fleet/abc.tar.gz.lock'), '1 x')
    await mkdir(join(root, 'of-others'))
    await writeFile(join(root, 'of-others/a.lock'), '')
    await open().purge()
    expect(await readdir(join(root, 'gitrepository/flux-system/fleet'))).toEqual(['abc.tar.gz'])
    expect(await readdir(join(root, 'of-others'))).toEqual(['a.lock'])
    expect(await store.check(artifact)).toBe('ok')
  })

  it('looks at no file that is not an artifact, and removes none, whatever path a status names', async () => {
    const store = open()
    const artifact = await put(store)
    await mkdir(join(root, 'git/mirrors/a'), { recursive: true })
    await writeFile(join(root, 'git/mirrors/a/config'), 'kept')
    for (const path of ['git/mirrors/a/config', 'gitrepository/flux-system/fleet', 'gitrepository/flux-system/fleet/../fleet/abc.tar.gz']) expect(await store.check({ ...artifact, path })).toBe('missing')
    expect(await readFile(join(root, 'git/mirrors/a/config'), 'utf8')).toBe('kept')
  })

  it('has places for the kinds that have artifacts, and no others', async () => {
    const store = open()
    await expect(store.put({ ...owner, kind: 'Kustomization', file: 'x.tar.gz', tree, revision: 'r' })).rejects.toThrow('no kind that has artifacts')
    expect(await readdir(root)).toEqual([])
  })

  it('refuses a name that no consumer unpacks, and patterns that could take for ever', async () => {
    const store = open()
    await writeFile(join(tree, 'back\\slash'), '')
    await expect(put(store)).rejects.toMatchObject({ code: 'unsafe' })
    await expect(store.put({ ...owner, file: 'x', tree, revision: 'r', ignore: '*a*b*c*d*' })).rejects.toMatchObject({ code: 'ignore-rules' })
    expect(await readdir(join(root, 'gitrepository/flux-system/fleet')).catch(() => [])).toEqual([])
  })

  it('says full and read-only, keeps what it has and recovers', async () => {
    const disk = join(dir, 'disk')
    await mkdir(disk)
    if (!mounts(['-t', 'tmpfs', '-o', 'size=256k', 'none', disk])) {
      process.stderr.write('skipped: a small disk cannot be mounted here\n')
      return
    }
    try {
      const store = open('x', disk)
      const kept = await put(store)
      await writeFile(join(tree, 'noise'), noise(1 << 20))
      await expect(put(store, 'big.tar.gz')).rejects.toMatchObject({ code: 'full' })
      expect(await store.check(kept)).toBe('ok')
      await rm(join(tree, 'noise'))
      await put(store, 'after.tar.gz')
      mounts(['-o', 'remount,ro', disk])
      await expect(put(store, 'late.tar.gz')).rejects.toMatchObject({ code: 'read-only' })
    } finally {
      execFileSync('umount', [disk])
    }
  })
})

/** The status that curl gets: fetch rewrites paths and adds headers of its own. */
async function curl(...args: readonly string[]): Promise<string> {
  return (await promisify(execFile)('curl', ['-s', '--path-as-is', '-o', '/dev/null', '-w', '%{http_code}', ...args])).stdout
}

function mounts(args: readonly string[]): boolean {
  try {
    execFileSync('mount', [...args], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Incompressible and the same every time. */
function noise(bytes: number): Buffer {
  const blocks = Array.from({ length: bytes / 32 }, (_, index) => Buffer.from(digestOf(String(index)).slice(7), 'hex'))
  return Buffer.concat(blocks)
}

/** In the root of the store, and no artifacts: what a Git cache in there would hold, files beside artifacts and at other depths. */
const foreign = {
  'git/temp/login-1/identity': 'a private key',
  'git/mirrors/a/config': 'a mirror',
  'git/mirrors/a/objects/pack/a.pack': 'a mirror',
  'lost+found/x': '',
  'index.yaml': '',
  'gitrepository/index.yaml': '',
  'gitrepository/flux-system/index.yaml': '',
  'gitrepository/flux-system/fleet/abc.tar.gz.lock': '1 x',
  'gitrepository/flux-system/fleet/.partial-00': 'half',
  'gitrepository/flux-system/fleet/deeper/abc.tar.gz': '',
}

describe('serveStore', () => {
  let server: ArtifactServer
  let url: string
  let bytes: Buffer
  beforeEach(async () => {
    const artifact = await put(open())
    await writeFile(join(dir, 'outside'), 'secret')
    for (const [path, content] of Object.entries(foreign)) {
      await mkdir(dirname(join(root, path)), { recursive: true })
      await writeFile(join(root, path), content)
    }
    const own = join(root, 'gitrepository/flux-system/fleet')
    const links = { 'escape.tar.gz': join(dir, 'outside'), 'login.tar.gz': '../../../git/temp/login-1/identity', 'held.tar.gz': 'abc.tar.gz.lock', 'latest.tar.gz': 'abc.tar.gz' }
    for (const [name, target] of Object.entries(links)) execFileSync('ln', ['-s', target, join(own, name)])
    execFileSync('ln', ['-s', '../git', join(root, 'helmchart')])
    execFileSync('ln', ['-s', join(dir, 'tree'), join(root, 'bucket')])
    bytes = await readFile(join(root, artifact.path))
    server = await serveStore({ root, address: '127.0.0.1:0', telemetry })
    url = `${server.url}/${artifact.path}`
  })
  afterEach(() => server.close())

  it('serves a file whole, by HEAD, by range and conditionally', async () => {
    const whole = await fetch(url)
    expect(Buffer.from(await whole.arrayBuffer()).equals(bytes)).toBe(true)
    const etag = whole.headers.get('etag') ?? ''
    const modified = whole.headers.get('last-modified') ?? ''
    expect(whole.headers.get('content-type')).toBe('application/gzip')
    const head = await fetch(url, { method: 'HEAD' })
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, String(bytes.byteLength), ''])
    const part = await fetch(url, { headers: { range: 'bytes=5-9' } })
    expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 5-9/${bytes.byteLength}`])
    expect(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(5, 10))).toBe(true)
    const tail = await fetch(url, { headers: { range: 'bytes=-4', 'if-range': etag } })
    expect(Buffer.from(await tail.arrayBuffer()).equals(bytes.subarray(-4))).toBe(true)
    const stale = await fetch(url, { headers: { range: 'bytes=-4', 'if-range': '"other"' } })
    expect([stale.status, (await stale.arrayBuffer()).byteLength]).toEqual([200, bytes.byteLength])
    const beyond = await fetch(url, { headers: { range: 'bytes=999999-' } })
    expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, `bytes */${bytes.byteLength}`])
    await beyond.text()
    expect(await curl('-H', `If-None-Match: ${etag}`, url)).toBe('304')
    expect(await curl('-H', `If-Modified-Since: ${modified}`, url)).toBe('304')
    expect(server.served()).toBe(4) // whole, part, tail, stale
  })

  it('answers the root, lists directories and follows its own links', async () => {
    expect((await fetch(`${server.url}/`)).status).toBe(200)
    const listing = await (await fetch(`${server.url}/gitrepository/flux-system/fleet`)).text()
    expect(listing).toContain('<a href="abc.tar.gz">abc.tar.gz</a>')
    expect(listing).not.toMatch(/lock|partial/)
    expect(await linksOf('/')).toEqual(['gitrepository/'])
    expect(await linksOf('/gitrepository/')).toEqual(['flux-system/'])
    expect(await linksOf('/gitrepository/flux-system/')).toEqual(['fleet/'])
    expect((await fetch(`${server.url}/gitrepository/flux-system/fleet/latest.tar.gz`)).status).toBe(200)
    expect(server.served()).toBe(1)
  })

  const leading = ['/gitrepository/flux-system/fleet/escape.tar.gz', '/%2e%2e/outside', '/gitrepository/..%2f..%2foutside', '/bucket/', '/none', '/a%00b', '/%ff', '/..%5coutside']
  it.each(leading)('does not leave its root by %s', async (path) => {
    expect(await curl(`${server.url}${path}`)).toBe('404')
  })

  const linked = ['/gitrepository/flux-system/fleet/login.tar.gz', '/gitrepository/flux-system/fleet/held.tar.gz', '/helmchart/temp/login-1/identity', '/helmchart/']
  it.each([...Object.keys(foreign).map((path) => `/${path}`), ...linked, '/git', '/git/', '/git/temp/', '/git/temp/login-1/', '/lost+found/'])('serves artifacts and nothing else that lies in its root: not %s', async (path) => {
    expect(await curl(`${server.url}${path}`)).toBe('404')
  })

  async function linksOf(path: string): Promise<readonly string[]> {
    const listing = await (await fetch(`${server.url}${path}`)).text()
    return [...listing.matchAll(/<a href="([^"]+)"/g)].map(([, target = '']) => target)
  }

  it('is read-only', async () => {
    const answer = await fetch(url, { method: 'DELETE' })
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
  })
})
