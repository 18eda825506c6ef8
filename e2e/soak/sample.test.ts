import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import { readChildren, readFolderMiB, readHeld, readMetric, readSample } from './sample.ts'

/** A process that serves our metrics and, told to, begins to hold more: timers of both sorts, files, sockets, memory. */
const program = `
import { openSync } from 'node:fs'
import { createServer } from 'node:http'
import { createTelemetry } from '@weir/shared/telemetry'
const { metrics } = createTelemetry({ controller: 'source-controller' })
const kept = []
const server = createServer(async (request, response) => response.end(await metrics.text()))
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.stdin.on('data', () => {
  for (let at = 0; at < 10; at += 1) kept.push(setTimeout(() => {}, 1e6), setTimeout(() => {}, 1e6).unref(), openSync('/dev/null'), createServer().listen(0, '127.0.0.1'))
  kept.push(Array.from({ length: 1e6 }, (_, at) => ({ at })))
  setTimeout(() => console.log('held'), 100)
})`

let dir: string
let child: ChildProcess
let lines: AsyncIterator<string>
const probeFile = (): string => path.join(dir, 'probe.json')
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'weir-soak-'))
  const flags = ['--disable-warning=ExperimentalWarning', '--import', pathToFileURL(path.join(import.meta.dirname, 'probe.ts')).href, '--input-type=module', '-e', program]
  child = spawn(process.execPath, flags, { cwd: import.meta.dirname, stdio: ['pipe', 'pipe', 'inherit'], env: { PATH: process.env['PATH'], WEIR_SOAK_PROBE: probeFile() } })
  lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]()
})
afterAll(async () => {
  if (child.exitCode === null && child.kill('SIGKILL')) await once(child, 'exit')
  await rm(dir, { recursive: true, force: true })
})

describe('what a process holds', () => {
  it('grows in every figure when the process begins to hold more', async () => {
    const running = { pid: child.pid ?? 0, metricsUrl: `http://127.0.0.1:${String((await lines.next()).value)}/metrics` }
    const before = { ...(await readSample(running)), ...(await readHeld(running.pid, probeFile())) }
    child.stdin?.write('hold\n')
    expect((await lines.next()).value).toBe('held')
    const after = { ...(await readSample(running)), ...(await readHeld(running.pid, probeFile())) }
    const grown = (measure: keyof typeof before): number => after[measure] - before[measure]
    expect(grown('timers')).toBeGreaterThanOrEqual(10)
    expect(grown('resources')).toBeGreaterThanOrEqual(20)
    expect(grown('sockets')).toBeGreaterThanOrEqual(10)
    expect(grown('files')).toBeGreaterThanOrEqual(20)
    expect(grown('liveTimers')).toBeGreaterThanOrEqual(20)
    expect(grown('heapMiB')).toBeGreaterThan(10)
    expect(grown('rssMiB')).toBeGreaterThan(10)
    expect(after.cpuSeconds).toBeGreaterThan(0)
  })

  it('is asked of a process that is there', async () => {
    await expect(readHeld(2 ** 22 + 1, probeFile())).rejects.toThrow('ESRCH')
  })

  it('includes its children, and the files of a folder', async () => {
    expect(await readChildren(process.pid)).toMatchObject({ largestMiB: expect.any(Number), rssMiB: expect.any(Number) })
    await writeFile(path.join(dir, 'large'), Buffer.alloc(3 << 20, 'x'))
    expect(await readFolderMiB(dir)).toBeGreaterThanOrEqual(3)
    expect(await readFolderMiB(path.join(dir, 'nowhere'))).toBe(0)
  })

  it('is read from the row of a metric', () => {
    expect(readMetric('a 1\nnodejs_active_resources{type="Timeout"} 12\n', /^nodejs_active_resources\{type="Timeout"\} (\S+)$/m)).toBe(12)
    expect(readMetric('a 1\n', /^b (\S+)$/m)).toBeUndefined()
  })
})
