import { spawn } from 'node:child_process'
import path from 'node:path'
import { buildControlPlane, readyAssets } from '@weir/shared/control-plane'
import { kubectlBinary, kustomizeEngineBinary } from '@weir/shared/engine'
import { fluxPrograms } from './flux.ts'

// `npm run e2e:flux [-- PATTERN …]`: Weir beside Flux on one API server. Builds what is missing, then runs the tests of this folder,
// which `npm test` leaves out, as they need Flux's own programs.
const root = path.join(import.meta.dirname, '../..')

async function main(patterns: readonly string[]): Promise<number> {
  if (readyAssets() === undefined) await buildControlPlane({ onProgress: say })
  await Promise.all([kustomizeEngineBinary(), kubectlBinary()])
  await fluxPrograms({ onProgress: say })
  const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning']
  // One file at a time: each has a control plane and both systems to itself.
  const args = ['--config', path.join(import.meta.dirname, 'jest.config.js'), '--runInBand', ...patterns]
  return run([...flags, path.join(root, 'node_modules/jest/bin/jest.js'), ...args])
}

function run(args: readonly string[]): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
  process.on('SIGINT', () => undefined) // the child has it too, and ends in its own time
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  child.on('error', reject)
  child.on('close', (code) => resolve(code ?? 1))
  return promise
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  say(error instanceof Error ? error.message : String(error))
  return 1
})
