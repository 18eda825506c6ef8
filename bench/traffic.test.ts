import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from '@jest/globals'
import { startGitServer } from '@weir/shared/testing'
import { isDownload, isGitFetch, startTraffic } from './traffic.ts'

const git = promisify(execFile)

it('tells a git fetch from a look at the refs', async () => {
  const server = await startGitServer()
  const dir = await mkdtemp(path.join(tmpdir(), 'weir-bench-traffic-'))
  const traffic = await startTraffic(() => new URL(server.url).host)
  try {
    const repository = await server.createRepository('fleet', { 'a.txt': 'a' })
    const url = `http://${traffic.address}/fleet.git`
    await git('git', ['ls-remote', url])
    expect(traffic.passed().filter(isGitFetch)).toHaveLength(0)
    await git('git', ['clone', '--quiet', url, dir])
    expect(traffic.passed().filter(isGitFetch)).toHaveLength(1)
    await repository.commit({ 'a.txt': 'b' })
    await git('git', ['-C', dir, 'fetch', '--quiet'])
    expect(traffic.passed().filter(isGitFetch)).toHaveLength(2)
    expect(traffic.passed().filter(isDownload).every(({ path: each }) => each.includes('info/refs'))).toBe(true)
  } finally {
    await traffic[Symbol.asyncDispose]()
    await server.close()
    await rm(dir, { recursive: true, force: true })
  }
})

it('counts answers that carry a file', async () => {
  const server = createServer((incoming, outgoing) => {
    if (incoming.headers['if-none-match'] !== undefined) outgoing.writeHead(304).end()
    else if (incoming.url === '/missing.tar.gz') outgoing.writeHead(404).end('no')
    else outgoing.end(incoming.method === 'HEAD' ? undefined : 'bytes')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const traffic = await startTraffic(() => `127.0.0.1:${port}`)
  const url = `http://${traffic.address}`
  const ask = async (file: string, init?: RequestInit): Promise<void> => void (await (await fetch(`${url}${file}`, init)).text())
  try {
    await ask('/a.tar.gz', { headers: { 'if-none-match': '"x"' } })
    await ask('/a.tar.gz', { method: 'HEAD' })
    await ask('/missing.tar.gz')
    await ask('/listing/')
    expect(traffic.passed().filter(isDownload)).toHaveLength(0)
    await ask('/a.tar.gz')
    expect(traffic.passed().filter(isDownload)).toHaveLength(1)
    expect(traffic.passed()).toHaveLength(5)
  } finally {
    await traffic[Symbol.asyncDispose]()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})
