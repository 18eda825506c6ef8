import { describe, expect, it } from '@jest/globals'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseSync } from 'oxc-parser'
import { mutations } from './list.ts'
import { mutate } from './mutation.ts'

const root = join(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'docs/security.md'), 'utf8')

describe('a mutation', () => {
  it.each(mutations.map((each) => [each.name, each] as const))('%s still meets the code, and leaves what parses', (_name, { removes, test }) => {
    for (const removal of removes) {
      const text = mutate(root, removal)
      if (removal.file.endsWith('.ts')) expect(parseSync(removal.file, text).errors).toEqual([])
    }
    expect(existsSync(join(root, test.file))).toBe(true)
  })

  it('has a name of its own, and is named on the page', () => {
    const names = mutations.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([])
  })

  it('is refused when the code moved on: the text is gone, or there twice', () => {
    const folder = mkdtempSync(join(tmpdir(), 'weir-mutation-'))
    try {
      writeFileSync(join(folder, 'a.ts'), 'one two two')
      expect(mutate(folder, { file: 'a.ts', search: 'one', replace: '$&' })).toBe('$& two two')
      for (const search of ['two', 'three']) expect(() => mutate(folder, { file: 'a.ts', search, replace: '' })).toThrow('not once')
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})

describe('the page', () => {
  it('names only files and mutations that are there', () => {
    const files = [...page.matchAll(/`((?:packages|e2e|engines|tools|docs)\/[^`\s]+)`/g)].map(([, file = '']) => file)
    expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([])
    const last = page.split('\n').filter((line) => line.startsWith('| ')).flatMap((line) => [...(line.split(' | ').at(-1) ?? '').matchAll(/`([a-z0-9-]+)`/g)].map(([, name = '']) => name))
    expect(last.filter((name) => !mutations.some((each) => each.name === name))).toEqual([])
  })
})
