import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, it } from '@jest/globals'
import { childrenOf, cpuSecondsOfTree, parseStat, sampleChildren } from './processes.ts'

it('reads what the kernel says of a process, whatever its name', () => {
  const text = '42 (a) name ( 9) S 7 42 42 0 -1 4194304 1 2 3 4 110 20 3 4 20 0 11 0 100 1 2'
  expect(parseStat(text)).toEqual({ pid: 42, parent: 7, ticks: 137 })
})

it('counts the time of children, running and ended', async () => {
  const busy = 'for (const end = Date.now() + 300; Date.now() < end; );'
  const child = spawn(process.execPath, ['-e', `${busy} setInterval(() => {}, 1000); console.log('idle')`], { stdio: ['ignore', 'pipe', 'ignore'] })
  const before = await cpuSecondsOfTree(process.pid)
  await once(child.stdout, 'data')
  expect(await childrenOf(process.pid)).toContain(child.pid)
  const running = await cpuSecondsOfTree(process.pid)
  expect(running - before).toBeGreaterThan(0.1)
  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(await cpuSecondsOfTree(process.pid)).toBeGreaterThanOrEqual(running - 0.05)
})

it('knows the peak of children, and says so where there was none', async () => {
  const child = spawn('/bin/sh', ['-c', 'sleep 60 & echo started; wait'], { stdio: ['ignore', 'pipe', 'ignore'], detached: true })
  const { pid = 0 } = child
  const [none, one] = [sampleChildren(0x7fff_fff0), sampleChildren(pid)]
  const peakOrWhy = (): number | string => {
    try {
      return one.childPeakMiB()
    } catch (error) {
      return String(error)
    }
  }
  try {
    expect(() => one.childPeakMiB()).toThrow('never seen with a child')
    await once(child.stdout, 'data')
    for (let tries = 0; typeof peakOrWhy() === 'string' && tries < 100; tries += 1) await pause(100)
    expect(one.childPeakMiB()).toBeGreaterThan(0)
    expect(await one.children()).toHaveLength(1)
    expect(() => none.childPeakMiB()).toThrow('never seen with a child')
  } finally {
    one.stop()
    none.stop()
    process.kill(-pid, 'SIGKILL')
    await once(child, 'close')
  }
})
