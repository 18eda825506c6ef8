import { describe, expect, it } from '@jest/globals'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { exitCodes, type ExitCode } from '../exit-codes.ts'
import { logName, withWorkFolder } from './work-folder.ts'

describe('withWorkFolder', () => {
  const setUp = () => {
    const told: string[] = []
    const seen = { folder: '' }
    const run = async (folder: string, { code, logs = true }: { readonly code?: ExitCode; readonly logs?: boolean }): Promise<ExitCode> => {
      seen.folder = folder
      await mkdir(join(folder, 'artifacts/deep'), { recursive: true })
      await writeFile(join(folder, 'artifacts/deep/a.tar.gz'), 'a')
      if (logs) await writeFile(join(folder, logName), 'why')
      if (code === undefined) throw new Error('a bug')
      return code
    }
    return { terminal: { tell: (text: string) => void told.push(text) }, told, seen, run }
  }

  it('leaves nothing after an end in order', async () => {
    const { terminal, told, seen, run } = setUp()
    expect(await withWorkFolder(terminal, (folder) => run(folder, { code: exitCodes.ok }))).toBe(exitCodes.ok)
    expect([existsSync(seen.folder), told]).toEqual([false, []])
  })

  it('keeps the log, and nothing else, when a controller failed or something was thrown, and says where', async () => {
    for (const code of [exitCodes.failed, undefined]) {
      const { terminal, told, seen, run } = setUp()
      const ended = withWorkFolder(terminal, (folder) => run(folder, code === undefined ? {} : { code }))
      if (code === undefined) await expect(ended).rejects.toThrow('a bug')
      else expect(await ended).toBe(code)
      expect(await readdir(seen.folder)).toEqual([logName])
      expect(await readFile(join(seen.folder, logName), 'utf8')).toBe('why')
      expect(told).toEqual([`The log of the controllers stays: ${join(seen.folder, logName)}`])
      await rm(seen.folder, { recursive: true })
    }
  })

  it('leaves nothing where nothing was logged', async () => {
    const { terminal, told, seen, run } = setUp()
    await withWorkFolder(terminal, (folder) => run(folder, { code: exitCodes.usage, logs: false }))
    expect([existsSync(seen.folder), told]).toEqual([false, []])
  })
})
