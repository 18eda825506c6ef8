import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

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

/** `ended` too when it only waits for its parent to notice. */
export function stateOf(pid: number): 'running' | 'paused' | 'ended' {
  const letter = stateLetter(pid)
  if (letter === undefined || letter === 'Z' || letter === 'X') return 'ended'
  return letter === 'T' ? 'paused' : 'running'
}

/** A signal is sent at once and acted on a moment later. */
export async function untilPaused(pid: number): Promise<void> {
  for (let attempt = 0; attempt < 1000 && stateOf(pid) === 'running'; attempt++) await sleep(1)
}

function argumentsOf(pid: number): readonly string[] {
  try {
    return process.platform === 'linux' ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0') : askPs(pid, 'args=').split(' ')
  } catch {
    return []
  }
}

function stateLetter(pid: number): string | undefined {
  try {
    if (process.platform !== 'linux') return askPs(pid, 'stat=')[0]
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat[stat.lastIndexOf(')') + 2]
  } catch {
    return undefined
  }
}

function askPs(pid: number, column: string): string {
  return execFileSync('ps', ['-ww', '-o', column, '-p', String(pid)], { encoding: 'utf8' }).trim()
}
