import { afterEach, describe, expect, it } from '@jest/globals'
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArguments } from './arguments.ts'
import { openRecord, summarise } from './record.ts'
import type { SeedReport } from './seed.ts'

const folders: string[] = []
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true })
})

const report = (seed: number, changed: Partial<SeedReport> = {}): SeedReport => ({ seed, violations: [], seconds: 1, kustomizations: 5, kills: 1, faults: { cut: 2 }, ...changed })

describe('the record of a run', () => {
  it('knows what was finished, also after a crash in the middle of a line', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'weir-record-'))
    folders.push(folder)
    const file = path.join(folder, 'a', 'record.jsonl')
    const first = await openRecord(file)
    expect([...first.finished]).toEqual([])
    await first.add(report(1))
    await first.add(report(2, { violations: ['wrong'] }))
    await appendFile(file, '{"seed":3,"viol')
    const second = await openRecord(file)
    expect([...second.finished.keys()]).toEqual([1, 2])
    await second.add(report(3))
    expect([...(await openRecord(file)).finished.keys()]).toEqual([1, 2, 3])
    expect(await readFile(file, 'utf8')).toContain('wrong')
  })

  it('is summed up', () => {
    const summary = summarise([report(7, { violations: ['a', 'b'] }), report(5, { faults: { 'status 409': 1, cut: 1 } })], { from: 5, seconds: 2.4 })
    expect(summary).toEqual({ seeds: 2, from: 5, violations: 1, failedSeeds: [7], seconds: 2, kustomizations: 10, kills: 2, faults: { cut: 3, 'status 409': 1 } })
  })
})

describe('the command line', () => {
  it('takes seeds and where to begin', () => {
    expect(parseArguments(['--seeds', '1', '--from=17'])).toEqual({ kind: 'run', run: { seeds: 1, from: 17, lanes: 1, freshEvery: 200, record: undefined, verbose: false } })
    expect(parseArguments(['--help'])).toEqual({ kind: 'help' })
  })

  it.each([[[]], [['--seeds']], [['--seeds', '0']], [['--seeds', 'x']], [['--seeds', '1', '--record']], [['--seeds', '1', '--sedes', '2']]])('refuses %j', (argv) => {
    expect(parseArguments(argv).kind).toBe('wrong')
  })
})
