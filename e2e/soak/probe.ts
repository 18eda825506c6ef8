import { rename, writeFile } from 'node:fs/promises'
import { queryObjects } from 'node:v8'

// Loaded into a controller ahead of its own code (`--import`), by the soak alone: SIGUSR2 makes it say, in the file that WEIR_SOAK_PROBE names, what is left after a
// full garbage collection. Sizes read at other times tell when the collector last ran, not what is held; and timers that do not keep a process
// alive are counted by nobody else.

const file = process.env['WEIR_SOAK_PROBE'] ?? ''
const timer = setTimeout(() => undefined, 0)
const timers = timer.constructor as new () => NodeJS.Timeout
clearTimeout(timer)

process.on('SIGUSR2', () => void tell())

async function tell(): Promise<void> {
  const liveTimers = queryObjects(timers, { format: 'count' }) - 1 // collects first; the prototype counts as one
  const { heapUsed, external } = process.memoryUsage()
  await writeFile(`${file}.part`, JSON.stringify({ heapMiB: heapUsed / 2 ** 20, externalMiB: external / 2 ** 20, liveTimers }))
  await rename(`${file}.part`, file)
}
