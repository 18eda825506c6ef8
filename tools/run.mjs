#!/usr/bin/env node
// The one way to start anything here: `node tools/run.mjs COMMAND …`. Plain JavaScript for whatever Node a machine has
// (18 or newer): it brings what the repository pins, Node included, and hands over to the TypeScript.
import { createHash } from 'node:crypto'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const pnpmVersion = '12.21.0'
const oldestNode = 18
const pinnedNode = 24

/** What can be run, and whether it compiles Go programs. */
const commands = {
  test: { script: 'tools/test.ts', needsGo: true, does: 'every check and every test; with a path, the tests below it' },
  demo: { script: 'e2e/demo.ts', needsGo: true, does: 'the whole way from a commit to a cluster, on this machine' },
  bench: { script: 'bench/main.ts', needsGo: true, does: 'what the design promises, measured' },
  'e2e:flux': { script: 'e2e/flux/main.ts', needsGo: true, does: 'Weir beside Flux on one API server; builds Flux from source' },
  'e2e:repositories': { script: 'e2e/repositories/main.ts', needsGo: true, does: 'builds of public repositories beside the official kustomize' },
  soak: { script: 'e2e/soak/main.ts', needsGo: true, does: 'a fleet under changes and faults for as long as you say: nothing grows' },
  chaos: { script: 'e2e/chaos/main.ts', needsGo: true, does: 'random fleets, commits and faults from seeds, and what must hold' },
  mutations: { script: 'tools/mutations/main.ts', needsGo: true, does: 'each defence against hostile input taken away: the test that must fail' },
  weir: { script: 'packages/cli/src/main.ts', needsGo: false, does: 'the command itself, from source' },
  generate: { script: 'tools/generate.ts', needsGo: false, does: 'write the generated files' },
}

const [name = '', ...args] = process.argv.slice(2)
const command = Object.hasOwn(commands, name) ? commands[name] : undefined
if (command === undefined) stop(usage(), 2)
if (!existsSync(join(root, command.script))) stop(`${name}: ${command.script} is not part of this version`, 2)

checkMachine(command)
installPackages()
handOver(command, args)

function usage() {
  const rows = Object.entries(commands).map(([key, value]) => `  ${key.padEnd(18)}${value.does}`)
  return `usage: node tools/run.mjs COMMAND [ARGUMENTS]\n${rows.join('\n')}`
}

/** One sentence for each thing that is missing, with what to install. */
function checkMachine({ needsGo }) {
  const own = Number(process.versions.node.split('.')[0])
  const missing = []
  if (own < oldestNode) missing.push(`Node ${process.versions.node} is too old: install Node.js ${oldestNode} or newer.`)
  if (!answers('npm', ['--version'])) missing.push('npm is missing: install npm, which comes with Node.js.')
  if (!answers('git', ['--version'])) missing.push('git is missing: install the package git.')
  if (needsGo) missing.push(...goTrouble())
  if (missing.length > 0) stop(missing.join('\n'), 1)
}

/** Go builds kubernetes, etcd, NATS and the kustomize engine, at the versions that go.mod files pin. */
function goTrouble() {
  const wanted = goVersionWanted()
  const ask = spawnSync('go', ['env', 'GOVERSION'], { encoding: 'utf8', cwd: root })
  if (ask.error !== undefined || ask.status !== 0) return [`Go is missing: install Go ${wanted} or newer, with \`go\` on the PATH.`]
  const own = ask.stdout.trim().replace(/^go/, '')
  return isOlder(own, wanted) ? [`Go ${own} is too old: install Go ${wanted} or newer.`] : []
}

function goVersionWanted() {
  const path = join(root, 'e2e/control-plane/kubernetes/go.mod')
  const directive = existsSync(path) ? /^go (\S+)$/m.exec(readFileSync(path, 'utf8')) : null
  return directive === null ? '1.26' : directive[1]
}

function isOlder(own, wanted) {
  const [a, b] = [own, wanted].map((version) => version.split('.').map((part) => Number.parseInt(part, 10) || 0))
  for (let index = 0; index < 3; index += 1) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0)
    if (difference !== 0) return difference < 0
  }
  return false
}

function answers(program, parameters) {
  const { error, status } = spawnSync(program, parameters, { stdio: 'ignore' })
  return error === undefined && status === 0
}

/** Nothing to do in the common case; a digest of what shapes the installation tells. */
function installPackages() {
  const stamp = join(root, 'node_modules/.weir-installed')
  const digest = digestOf(['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json'])
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest && pinnedNodeBinary() !== undefined) return
  const pnpm = installPnpm()
  step('installing packages', pnpm, ['install', '--frozen-lockfile'])
  mkdirSync(dirname(stamp), { recursive: true })
  writeFileSync(stamp, digest)
}

function installPnpm() {
  const prefix = join(root, '.tools')
  const pnpm = join(prefix, 'bin/pnpm')
  const version = spawnSync(pnpm, ['--version'], { encoding: 'utf8', cwd: root })
  if (version.status === 0 && version.stdout.trim() === pnpmVersion) return pnpm
  step(`installing pnpm ${pnpmVersion}`, 'npm', ['install', '--global', '--prefix', prefix, '--allow-scripts=pnpm', `pnpm@${pnpmVersion}`])
  return pnpm
}

/** Runs one step with a line of progress; its output is shown only when it fails. */
function step(what, program, parameters) {
  const startedMs = Date.now()
  process.stderr.write(`weir: ${what} …`)
  const { status, error, stdout, stderr } = spawnSync(program, parameters, { cwd: root, encoding: 'utf8', env: childEnv(), maxBuffer: 1 << 26 })
  if (error === undefined && status === 0) {
    process.stderr.write(` ${((Date.now() - startedMs) / 1000).toFixed(1)} s\n`)
    return
  }
  process.stderr.write(' failed\n')
  stop(`${stdout ?? ''}${stderr ?? ''}${error === undefined ? '' : `${error.message}\n`}${what} failed: is the npm registry reachable?`, 1)
}

function digestOf(paths) {
  const hash = createHash('sha256')
  for (const path of paths) hash.update(`${path}\0`).update(readFileSync(join(root, path))).update('\0')
  return hash.digest('hex')
}

function handOver({ script }, parameters) {
  const node = pinnedNodeBinary() ?? ownNode()
  const child = spawn(node, ['--disable-warning=ExperimentalWarning', join(root, script), ...parameters], {
    stdio: 'inherit',
    env: childEnv(),
  })
  // Ctrl-C reaches the child by itself, as it shares the terminal; others must be passed on. Either way the child decides
  // when it is done.
  process.on('SIGINT', () => undefined)
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('error', (error) => stop(`${String(node)}: ${error.message}`, 1))
  child.on('exit', (code, signal) => process.exit(signal === null ? (code ?? 1) : 128 + constants.signals[signal]))
}

function pinnedNodeBinary() {
  const path = join(root, 'node_modules/.bin/node')
  return existsSync(path) ? path : undefined
}

function ownNode() {
  if (Number(process.versions.node.split('.')[0]) >= pinnedNode) return process.execPath
  return stop(`There is no pinned Node for ${process.platform} on ${process.arch}: install Node.js ${pinnedNode} or newer.`, 1)
}

function childEnv() {
  const path = [join(root, 'node_modules/.bin'), join(root, '.tools/bin'), process.env.PATH ?? ''].join(delimiter)
  return { ...process.env, PATH: path }
}

function stop(message, code) {
  process.stderr.write(`${message}\n`)
  process.exit(code)
}
