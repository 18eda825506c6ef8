import { spawn } from 'node:child_process'
import { once } from 'node:events'

/**
 * A shell that outlives this process by a moment: its standard input is a pipe that ends with us, however we end, and
 * then it kills the process groups it was told of and removes the folder if it is to go.
 */
export interface Watchdog {
  readonly pid: number
  watch(group: number): void
  /** The group has ended: its number may soon be somebody else's. */
  forget(group: number): void
  /** Ends the watchdog, and with it every group it still watches. */
  close(): Promise<void>
}

export interface WatchdogOptions {
  /** The run's folder: named in the arguments, so that a later start knows whose watchdog this is. */
  readonly dir: string
  /** What becomes of the folder when this process ends without a word. */
  readonly atEnd: 'keep' | 'remove'
}

const script = `
trap '' HUP INT TERM
groups=
while read -r word group; do
  case $word in
    watch) groups="$groups $group" ;;
    forget) left=; for one in $groups; do [ "$one" = "$group" ] || left="$left $one"; done; groups=$left ;;
  esac
done
for one in $groups; do kill -s KILL -- "-$one" 2>/dev/null; done
[ "$2" = remove ] || exit 0
[ -z "$groups" ] || sleep 0.2
rm -rf -- "$1"
`

export function startWatchdog({ dir, atEnd }: WatchdogOptions): Watchdog {
  // A session of its own: Ctrl-C in our terminal must not end it before it has done its work.
  const shell = spawn('/bin/sh', ['-c', script, 'weir-watchdog', dir, atEnd], { cwd: '/', detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
  if (shell.pid === undefined) throw new Error('no /bin/sh on this machine')
  shell.stdin.on('error', () => undefined) // somebody killed it: then the next start reaps
  shell.unref()
  if ('unref' in shell.stdin && typeof shell.stdin.unref === 'function') shell.stdin.unref()
  return {
    pid: shell.pid,
    watch: (group) => void shell.stdin.write(`watch ${group}\n`),
    forget: (group) => void shell.stdin.write(`forget ${group}\n`),
    async close() {
      if (shell.exitCode !== null || shell.signalCode !== null) return
      const ended = once(shell, 'exit')
      shell.ref()
      shell.stdin.end()
      await ended
    },
  }
}
