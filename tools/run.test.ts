import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'

const root = new URL('..', import.meta.url).pathname
const bin = mkdtempSync(join(tmpdir(), 'weir-path-'))

/** Runs the bootstrap on a machine that has only these programs. */
function run(args: readonly string[], programs: Readonly<Record<string, string>> = {}) {
  const folder = mkdtempSync(join(bin, 'bin-'))
  symlinkSync('/bin/sh', join(folder, 'sh'))
  for (const [name, says] of Object.entries(programs)) writeFileSync(join(folder, name), `#!/bin/sh\necho "${says}"\n`, { mode: 0o755 })
  return spawnSync(process.execPath, [join(root, 'tools/run.mjs'), ...args], { encoding: 'utf8', env: { PATH: folder, HOME: bin } })
}

describe('run.mjs', () => {
  afterAll(() => rmSync(bin, { recursive: true, force: true }))

  it('says what it can run', () => {
    const { status, stderr } = run(['nonsense'])
    expect(status).toBe(2)
    expect(stderr).toMatch(/^usage: .*\n {2}test {6}/)
  })

  it('does not take a name of Object for a command', () => {
    expect(run(['constructor']).status).toBe(2)
  })

  it('says in a sentence each what a machine lacks, and what to install', () => {
    const { status, stderr } = run(['test'])
    expect(status).toBe(1)
    expect(stderr.trim().split('\n')).toEqual([
      'npm is missing: install npm, which comes with Node.js.',
      'git is missing: install the package git.',
      expect.stringMatching(/^Go is missing: install Go 1\.\d+(\.\d+)? or newer, with `go` on the PATH\.$/),
    ])
  })

  it('refuses a Go that is too old for the pinned modules', () => {
    const { status, stderr } = run(['test'], { npm: '11', git: '2', go: 'go1.19.8' })
    expect(status).toBe(1)
    expect(stderr).toMatch(/^Go 1\.19\.8 is too old: install Go 1\.\d+/)
  })

  it('needs no Go where nothing is compiled', () => {
    expect(run(['generate', '--check'], { npm: '11', git: '2' })).toMatchObject({ status: 0 })
  })

  it('passes arguments and the exit code on', () => {
    const { status, stdout } = run(['generate', '--check'], { npm: '11', git: '2' })
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' })
  })
})
