import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exitCodes, type ExitCode } from '../exit-codes.ts'
import type { Terminal } from '../terminal.ts'

/** Name of the controllers' log in their folder. */
export const logName = 'weir.log'

/**
 * A temporary folder for as long as `run` lasts. Where that fails the log stays, and the terminal is told where: it may be all that is
 * known of the failure. Artifacts and caches go in any case.
 */
export async function withWorkFolder({ tell }: Pick<Terminal, 'tell'>, run: (folder: string) => Promise<ExitCode>): Promise<ExitCode> {
  const folder = await mkdtemp(join(tmpdir(), 'weir-up-'))
  let code: ExitCode | undefined // undefined: it threw
  try {
    code = await run(folder)
    return code
  } finally {
    const log = join(folder, logName)
    if (code === exitCodes.ok || !existsSync(log)) await rm(folder, { recursive: true, force: true })
    else {
      await removeAllBut(folder, logName)
      tell(`The log of the controllers stays: ${log}`)
    }
  }
}

async function removeAllBut(folder: string, kept: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name !== kept) await rm(join(folder, name), { recursive: true, force: true })
  }
}
