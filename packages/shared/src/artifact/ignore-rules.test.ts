import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { readIgnoreRules } from './ignore-rules.ts'

let tree: string
beforeEach(async () => {
  tree = await mkdtemp(join(tmpdir(), 'weir-ignore-'))
})
afterEach(() => rm(tree, { recursive: true, force: true }))

async function plant(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(tree, path)), { recursive: true })
    await writeFile(join(tree, path), text)
  }
}

interface Row {
  readonly name: string
  readonly files?: Readonly<Record<string, string>>
  readonly spec?: string
  readonly kept: readonly string[]
  readonly left: readonly string[]
}

const rows: readonly Row[] = [
  {
    name: 'leaves out version control, media, CI files and secrets of tools by default',
    kept: ['deploy/app.yaml', '.sourceignore', 'README.md', 'github/x'],
    left: ['.git/config', 'sub/.git/x', '.gitignore', '.gitmodules', 'a/.gitattributes', 'logo.PNG'.toLowerCase(), 'x.tar.gz', '.github/workflows/ci.yaml', '.travis.yml', 'a/b/.sops.yaml', '.flux.yaml'],
  },
  { name: 'replaces the defaults as soon as there is one pattern in the spec', spec: 'docs/', kept: ['logo.png', '.github/x', 'a/.sops.yaml'], left: ['docs/a.md', 'x/docs/b.md', '.git/config', '.gitignore'] },
  { name: 'replaces the defaults as soon as there is one pattern in a nested file', files: { 'a/.sourceignore': 'x.txt' }, kept: ['logo.png', 'x.txt', 'b/x.txt'], left: ['a/x.txt', 'a/b/x.txt', '.git/x'] },
  { name: 'takes comments and blank lines for nothing', files: { '.sourceignore': '# only this\n\n   \n' }, spec: '\n# none\n', kept: ['a.yaml'], left: ['logo.png'] },
  { name: 'includes again below a folder that is left out', spec: '/*\n!/deploy\n/deploy/**/*.md\n', kept: ['deploy', 'deploy/a.yaml', 'deploy/x/b.yaml'], left: ['src/a.go', 'deploy/x/README.md', 'a.yaml'] },
  { name: 'includes single files again inside a folder that is left out', spec: '/**\n!/deploy/**/*.yaml\n', kept: ['deploy/x/b.yaml'], left: ['deploy/x/b.md', 'a.yaml'] },
  { name: 'lets the spec win over the files of the tree', files: { '.sourceignore': 'secret.yaml' }, spec: '!secret.yaml', kept: ['secret.yaml', 'a/secret.yaml'], left: ['.git/x'] },
  { name: 'lets a user take version control files back in', spec: '!.gitignore', kept: ['.gitignore', 'a/.gitignore'], left: ['.gitmodules'] },
  { name: 'scopes nested patterns, also anchored ones', files: { 'a/.sourceignore': '/top\n*.bin\n!keep.bin\n' }, kept: ['top', 'a/b/top', 'x.bin', 'a/keep.bin'], left: ['a/top', 'a/b/x.bin'] },
  { name: 'reads Windows line ends and escaped signs', spec: 'a.txt\r\n\\!odd\r\n\\#odd\r\n', kept: ['b.txt'], left: ['a.txt', '!odd', '#odd'] },
  { name: 'minds the case', spec: '*.MD', kept: ['a.md'], left: ['a.MD'] },
]

describe('readIgnoreRules', () => {
  it.each(rows)('$name', async ({ files = {}, spec, kept, left }) => {
    await plant({ 'placeholder': '', ...files })
    const keep = await readIgnoreRules(tree, spec)
    expect([...kept, ...left].filter((path) => keep(path, 'file'))).toEqual([...kept])
    expect(keep('', 'directory')).toBe(true)
  })

  it('tells directories from files', async () => {
    const keep = await readIgnoreRules(tree, 'build/')
    expect([keep('build', 'directory'), keep('build', 'file'), keep('build/x', 'file')]).toEqual([false, true, false])
  })

  it.each(['*a*a*a*a*b', `${'**/a/'.repeat(5)}b`, 'x'.repeat(1025)])('refuses %s, which could take for ever', async (pattern) => {
    await plant({ 'sub/.sourceignore': pattern })
    await expect(readIgnoreRules(tree)).rejects.toMatchObject({ code: 'ignore-rules' })
  })

  it('refuses a file that is too large without reading it: a sparse one has any size for nothing', async () => {
    await plant({ 'sub/.sourceignore': '' })
    await truncate(join(tree, 'sub/.sourceignore'), 3 * 1024 ** 3)
    await expect(readIgnoreRules(tree)).rejects.toMatchObject({ code: 'ignore-rules', message: 'sub/.sourceignore is larger than 1048576 bytes' })
  })

  const alternating = (count: number): string => Array.from({ length: count }, (_, line) => (line % 2 === 0 ? `f${line}` : `!f${line}`)).join('\n')

  it('refuses more patterns than anybody writes, in one file or in many and the spec', async () => {
    await expect(readIgnoreRules(tree, alternating(20_000))).rejects.toMatchObject({ code: 'ignore-rules' })
    await expect(readIgnoreRules(tree, 'x\n'.repeat(400_000))).rejects.toMatchObject({ code: 'ignore-rules' })
    await plant({ 'a/.sourceignore': 'x\n'.repeat(4_000), 'b/.sourceignore': 'x\n'.repeat(4_000) })
    await expect(readIgnoreRules(tree, 'x\n'.repeat(2_001))).rejects.toMatchObject({ code: 'ignore-rules' })
    const keep = await readIgnoreRules(tree, 'x\n'.repeat(2_000))
    expect([keep('x', 'file'), keep('y', 'file')]).toEqual([false, true])
  })

  it('answers the same however many paths there are, where the signs of the patterns alternate', async () => {
    // Twice as many answers as are remembered, and little to do: matching may take ten seconds, on a busy machine too.
    const keep = await readIgnoreRules(tree, alternating(500))
    const asked = Array.from({ length: 1_100 }, (_, path) => path)
    expect(asked.filter((path) => !keep(`f${path}`, 'file'))).toEqual(asked.filter((path) => path < 500 && path % 2 === 0))
  })
})
