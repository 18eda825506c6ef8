import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, lstatSync, mkdirSync, readdirSync, readlinkSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Copies what Git knows or would take, as it stands in the work tree, and links installed packages; the workspace's own packages are the copied ones. */
export function copyTree(root: string, into: string): void {
  const names = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 })
  for (const name of names.split('\0')) {
    if (name === '' || !existsSync(join(root, name))) continue // deleted in the work tree
    mkdirSync(join(into, dirname(name)), { recursive: true })
    cpSync(join(root, name), join(into, name), { dereference: false })
  }
  linkPackages(join(root, 'node_modules'), join(into, 'node_modules'))
  for (const name of readdirSync(join(root, 'packages'))) {
    const installed = join(root, 'packages', name, 'node_modules')
    if (existsSync(installed)) linkPackages(installed, join(into, 'packages', name, 'node_modules'))
  }
}

const scope = '@weir'

/** Absolute links to what is installed; links to packages of the workspace stay relative, and so lead into the copy. */
function linkPackages(installed: string, into: string): void {
  mkdirSync(join(into, scope), { recursive: true })
  for (const name of readdirSync(installed)) if (name !== scope) symlinkSync(join(installed, name), join(into, name))
  const own = join(installed, scope)
  if (!existsSync(own)) return
  for (const name of readdirSync(own)) if (lstatSync(join(own, name)).isSymbolicLink()) symlinkSync(readlinkSync(join(own, name)), join(into, scope, name))
}
