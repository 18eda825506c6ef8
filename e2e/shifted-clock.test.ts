import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { ControllerProcess } from './controller-process.ts'
import { createShiftedClock } from './shifted-clock.ts'

const hourMs = 60 * 60_000
let dir: string
beforeAll(async () => void (dir = await mkdtemp(path.join(tmpdir(), 'weir-clock-'))))
afterAll(() => rm(dir, { recursive: true, force: true }))

it('who died before the clock was set is left out, who starts after it has the new time, and nobody is told what the clock says already', async () => {
  const clock = createShiftedClock(dir)
  const env = { ...process.env, ...clock.env }
  const now = (): number => Number(execFileSync(process.execPath, ['--eval', 'process.stdout.write(String(Date.now()))'], { env, encoding: 'utf8' }))
  expect(Math.abs(now() - Date.now())).toBeLessThan(hourMs / 2)

  const gone = spawn(process.execPath, ['--eval', ''], { env, stdio: 'ignore' })
  await once(gone, 'close')
  await clock.shift(hourMs, [{ pid: gone.pid } as ControllerProcess])
  expect(Math.abs(now() - Date.now() - hourMs)).toBeLessThan(hourMs / 2)

  const deaf = spawn('sleep', ['60'], { stdio: 'ignore' })
  await once(deaf, 'spawn')
  await clock.shift(hourMs, [{ pid: deaf.pid } as ControllerProcess]) // as it is: nobody is told
  deaf.kill('SIGTERM')
  expect(await once(deaf, 'close')).toEqual([null, 'SIGTERM'])
})
