import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** Does the process exist, and does it name the folder in its arguments? */
export function isOurs(pid: number, dir: string): boolean {
  return argumentsOf(pid).some((argument) => argument === dir || argument.includes(`${dir}/`))
}

/** To every process of the group; a group that has ended is no error. */
export function killGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

function argumentsOf(pid: number): readonly string[] {
  try {
    return process.platform === 'linux' ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0') : askPs(pid)
  } catch {
    return []
  }
}

function askPs(pid: number): readonly string[] {
  return execFileSync('ps', ['-ww', '-o', 'args=', '-p', String(pid)], { encoding: 'utf8' }).trim().split(' ')
}
