import { existsSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { createKustomizeService, kustomizeEngineBinary, type BuiltObject, type Engine, type View } from '@weir/shared/engine'
import { quietTelemetry } from '@weir/shared/telemetry'
import { tallyEngine, type TalliedEngine } from './tally.ts'

const limits = { deadlineMs: 30_000 }
let tallied: TalliedEngine
let engine: Engine

beforeAll(async () => {
  tallied = await tallyEngine(await kustomizeEngineBinary())
  engine = createKustomizeService({ binary: tallied.program, telemetry: quietTelemetry(), processes: 2 })
})
afterAll(async () => {
  await engine.close()
  await tallied[Symbol.asyncDispose]()
  expect(existsSync(path.dirname(tallied.program))).toBe(false)
})

function view(kustomization: object, more: Partial<View> = {}): View {
  return { files: new Map([['kustomization.yaml', Buffer.from(JSON.stringify(kustomization))]]), path: '', ownProcess: false, ...more }
}

const good = view({ configMapGenerator: [{ name: 'g', literals: ['a=b'] }] })
const build = (what: View): Promise<readonly BuiltObject[]> => engine.build(what, limits)

it('says nothing where nobody counted', async () => {
  await expect(tallied.requests()).rejects.toThrow('no engine process')
})

it('is what the engines began with: the same as the number that the controller tells of itself', async () => {
  expect(await build(good)).toHaveLength(1)
  expect(await tallied.requests()).toBe(1)
  await Promise.all(Array.from({ length: 10 }, () => build(good)))
  await expect(build(view({ resources: ['gone.yaml'] }))).rejects.toThrow()
  await build(view({ configMapGenerator: [{ name: 'g', literals: ['a=b'] }] }, { ownProcess: true }))
  expect(await tallied.requests()).toBe(13)
  expect(engine.builds()).toBe(13)
})

it('outlives a process that is killed', async () => {
  const before = await tallied.requests()
  for (const pid of engine.pids()) process.kill(pid, 'SIGKILL')
  while (engine.pids().length > 0) await pause(20)
  expect(await tallied.requests()).toBe(before)
  await build(good)
  expect(await tallied.requests()).toBe(before + 1)
})
