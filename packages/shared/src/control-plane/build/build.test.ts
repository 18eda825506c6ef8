import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { findAssets } from './assets.ts'
import { buildControlPlane, buildPrograms } from './build.ts'

// The real programs are built by every test that starts a control plane. Here: what happens around Go, with a script in its place
// for what a good Go cannot be told to do, and real builds of one small module.
const state = { dir: '' }
beforeEach(() => {
  state.dir = mkdtempSync(join(tmpdir(), 'weir-test-'))
})
afterEach(() => rmSync(state.dir, { recursive: true, force: true }))

function script(text: string): string {
  const path = join(state.dir, 'go')
  writeFileSync(path, `#!/bin/sh\n${text}\n`)
  chmodSync(path, 0o755)
  return path
}

function modules(): string {
  const dir = join(state.dir, 'modules', 'etcd')
  mkdirSync(dir, { recursive: true })
  writeFileSync(join(dir, 'go.mod'), 'module x\n\ngo 1.26.0\n\nrequire go.etcd.io/etcd/server/v3 v3.6.15\n')
  writeFileSync(join(dir, 'go.sum'), '')
  return join(state.dir, 'modules')
}

/** Answers `env`, and "builds" by writing a file and a line in a log. */
function workingGo(version = 'go1.26.8'): string {
  return script(`
if [ "$1" = env ]; then printf '${version}\\nlinux\\namd64\\n'; exit; fi
echo "$@" >> ${state.dir}/builds
sleep 0.3
while [ "$1" != -o ]; do shift; done
echo program > "$2"`)
}

const build = (go: string, more: Partial<Parameters<typeof buildControlPlane>[0]> = {}) =>
  buildControlPlane({ only: ['etcd'], cacheDir: join(state.dir, 'cache'), modulesDir: more.modulesDir ?? modules(), go, ...more })

const builds = (): readonly string[] => readFileSync(join(state.dir, 'builds'), 'utf8').trim().split('\n')

describe('building', () => {
  it('happens once, and says so', async () => {
    const lines: string[] = []
    const go = workingGo()
    const first = await build(go, { onProgress: (line) => lines.push(line) })
    const second = await build(go, { onProgress: (line) => lines.push(line) })
    expect(second).toEqual(first)
    expect(readFileSync(first.etcd, 'utf8')).toBe('program\n')
    expect(builds()).toHaveLength(1)
    expect(lines).toEqual(['building etcd with Go, once', expect.stringMatching(/^built etcd in \d+ s$/)])
  })

  it('happens once for several that ask at the same time', async () => {
    const go = workingGo()
    await Promise.all([build(go), build(go), build(go)])
    expect(builds()).toHaveLength(1)
  })

  it.each([
    ['Go', () => build(workingGo('go1.27.0'))],
    ['go.sum', () => {
      const modulesDir = modules()
      writeFileSync(join(modulesDir, 'etcd', 'go.sum'), 'changed')
      return build(workingGo(), { modulesDir })
    }],
  ])('happens again for another %s', async (_, again) => {
    const first = await build(workingGo())
    expect((await again()).etcd).not.toBe(first.etcd)
    expect(builds()).toHaveLength(2)
  })

  it('leaves nothing half-built when Go fails', async () => {
    const go = script('[ "$1" = env ] && { printf "go1.26.8\\nlinux\\namd64\\n"; exit; }; while [ "$1" != -o ]; do shift; done; echo half > "$2"; echo "broken code" >&2; exit 1')
    await expect(build(go)).rejects.toMatchObject({ code: 'build', message: 'go build failed: broken code' })
    expect(readdirSync(join(state.dir, 'cache', 'control-plane'))).toEqual([])
  })

  it('removes what a killed build left', async () => {
    const cache = join(state.dir, 'cache', 'control-plane')
    mkdirSync(cache, { recursive: true })
    writeFileSync(join(cache, '.partial-1'), 'half')
    await build(workingGo())
    expect(readdirSync(cache)).toEqual([expect.stringMatching(/^etcd-v3\.6\.15-[0-9a-f]{16}$/)])
  })

  it('ends Go when it is aborted', async () => {
    const go = script(`[ "$1" = env ] && { printf "go1.26.8\\nlinux\\namd64\\n"; exit; }; echo $$ > ${state.dir}/pid; sleep 60; exit 1`)
    const abort = new AbortController()
    const outcome = build(go, { signal: abort.signal, onProgress: () => setTimeout(() => abort.abort(), 200) })
    await expect(outcome).rejects.toMatchObject({ code: 'aborted' })
    const pid = Number(readFileSync(join(state.dir, 'pid'), 'utf8'))
    expect(() => process.kill(pid, 0)).toThrow('ESRCH')
  })
})

describe('a module that was published without a file it embeds', () => {
  /** Answers where the module is kept, and "builds" by listing the folder it is called in. */
  const listingGo = (kept: string): string =>
    script(`
if [ "$1" = env ]; then printf 'go1.26.8\\nlinux\\namd64\\n'; exit; fi
if [ "$1" = mod ]; then printf '{"Dir": "${kept}"}'; exit; fi
while [ "$1" != -o ]; do shift; done
find . -type f | sort > "$2"`)

  it('is built in a copy that has it, and the kept one stays as it is', async () => {
    const kept = join(state.dir, 'kept')
    mkdirSync(join(kept, 'cmd'), { recursive: true })
    writeFileSync(join(kept, 'cmd', 'main.go'), 'package main', { mode: 0o444 })
    chmodSync(join(kept, 'cmd'), 0o555)
    chmodSync(kept, 0o555)
    const program = { module: 'etcd', package: './cmd', versionOf: 'go.etcd.io/etcd/server/v3', ldflags: () => '' }
    const options = { modulesDir: modules(), cacheDir: join(state.dir, 'cache'), go: listingGo(kept) }
    const whole = await buildPrograms({ tool: { ...program, added: { 'cmd/more/none.yaml': '' } } }, options)
    expect(readFileSync(whole.tool, 'utf8')).toBe('./cmd/main.go\n./cmd/more/none.yaml\n')
    expect(readdirSync(join(kept, 'cmd'))).toEqual(['main.go'])
    expect(readdirSync(join(state.dir, 'cache', 'control-plane'))).toEqual([expect.stringMatching(/^tool-v3\.6\.15-[0-9a-f]{16}$/)])
    const other = await buildPrograms({ tool: { ...program, added: { 'cmd/other.yaml': '' } } }, options)
    expect(other.tool).not.toBe(whole.tool)
    chmodSync(join(kept, 'cmd'), 0o755)
  })
})

describe('a machine that cannot build', () => {
  it('has no Go', async () => {
    await expect(build(join(state.dir, 'none'))).rejects.toMatchObject({
      code: 'no-go',
      message: 'the control plane is built with Go 1.26.0 or newer and this machine has none: install it from https://go.dev/dl',
    })
  })

  it.each([
    ['before Go fetched its own toolchains', 'printf "go1.19.8\\nlinux\\namd64\\n"', 'this machine has 1.19.8'],
    ['with a Go that may not fetch another', 'echo "go: go.mod requires go >= 1.26.0 (running go 1.24.4; GOTOOLCHAIN=local)" >&2; exit 1', 'this machine has 1.24.4'],
    ['with a Go that could not fetch another', 'echo "go: download go1.26.0 for linux/amd64: toolchain not available" >&2; exit 1', 'this machine has an older one'],
  ])('has an old Go: %s', async (_, text, reason) => {
    await expect(build(script(text))).rejects.toMatchObject({ code: 'no-go', message: expect.stringContaining(reason) })
  })

  it('has no way to the module proxy', async () => {
    const go = script('[ "$1" = env ] && { printf "go1.26.8\\nlinux\\namd64\\n"; exit; }; echo "dial tcp: lookup proxy.example: no such host" >&2; exit 1')
    await expect(build(go)).rejects.toMatchObject({ code: 'build', message: expect.stringContaining('proxy reachable') })
  })

  it('has no modules', async () => {
    await expect(build(workingGo(), { modulesDir: join(state.dir, 'elsewhere') })).rejects.toMatchObject({ code: 'no-modules' })
  })
})

describe('ready binaries', () => {
  it('are taken from their folder', async () => {
    for (const name of ['etcd', 'kube-apiserver']) writeFileSync(join(state.dir, name), '', { mode: 0o755 })
    expect(await findAssets(['etcd', 'kube-apiserver'], { assets: state.dir })).toEqual({
      etcd: join(state.dir, 'etcd'),
      'kube-apiserver': join(state.dir, 'kube-apiserver'),
    })
  })

  it('that are missing are named', async () => {
    writeFileSync(join(state.dir, 'etcd'), '', { mode: 0o755 })
    writeFileSync(join(state.dir, 'kwok'), 'not executable', { mode: 0o644 })
    await expect(findAssets(['etcd', 'kube-apiserver', 'kwok'], { assets: state.dir })).rejects.toMatchObject({
      code: 'assets',
      message: expect.stringContaining('has no kube-apiserver, kwok'),
    })
  })
})
