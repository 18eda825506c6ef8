import { describe, expect, it } from '@jest/globals'
import { expandsTooFar } from '@weir/shared/manifest'
import { scanClosure } from './closure/closure.ts'
import { KustomizeError } from './kustomize-error.ts'
import type { BuildSpec } from './spec.ts'
import { treeOf } from './test-tree.ts'
import { readTree } from './tree-index.ts'
import { makeView } from './view.ts'

/** Nine levels of nine. */
const levels = 'bcdefghij'.split('').map((name, at) => `${name}: &${name} [${Array(9).fill(`*${'abcdefghi'[at]}`).join(', ')}]`)
const bomb = `a: &a [x, x, x, x, x, x, x, x, x]\n${levels.join('\n')}\n`
const manifest = `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bomb}\n${bomb}`

async function refusal(files: Readonly<Record<string, string>>, spec: BuildSpec = {}): Promise<KustomizeError | undefined> {
  const tree = treeOf(files)
  try {
    await makeView(await scanClosure(readTree(tree), spec), { allFiles: () => tree.manifest.files.keys(), read: (path) => tree.read(path) })
    return undefined
  } catch (error) {
    if (error instanceof KustomizeError) return error
    throw error
  }
}

describe('an alias bomb', () => {
  const indented = bomb.replaceAll(/^/gm, '    ')
  it.each<readonly [string, Readonly<Record<string, string>>, BuildSpec, string | undefined]>([
    ['in a manifest', { 'deep/a.yaml': manifest }, {}, 'deep/a.yaml'],
    ['in a later document', { 'a.yaml': `kind: A\n---\n${manifest}` }, {}, 'a.yaml'],
    ['in a manifest that is named otherwise', { 'kustomization.yaml': 'resources: [base.txt]\n', 'base.txt': manifest }, {}, 'base.txt'],
    ['in a patch', { 'kustomization.yaml': 'patches: [{path: p.yaml}]\n', 'p.yaml': manifest }, {}, 'p.yaml'],
    ['in a patch inside a kustomization', { 'kustomization.yaml': `patches:\n- patch: |\n${indented}` }, {}, 'kustomization.yaml'],
    ['in a strategic merge patch inside a kustomization', { 'kustomization.yaml': `patchesStrategicMerge:\n- |\n${indented}` }, {}, 'kustomization.yaml'],
    ['in a patch of the spec', { 'a.yaml': 'kind: A\n' }, { patches: [{ patch: bomb }] }, undefined],
    ['in what only a plugin reads', { 'kustomization.yaml': 'transformers: [plugins]\n', 'plugins/kustomization.yaml': 'resources: [p.yaml]\n', 'plugins/p.yaml': manifest }, {}, 'plugins/p.yaml'],
  ])('%s is refused before an engine meets it, and the file is named', async (_where, files, spec, file) => {
    const error = await refusal(files, spec)
    expect(error).toMatchObject({ code: 'input', file })
    expect(error?.message).toBe(`${file === undefined ? 'spec.patches' : file + (file.startsWith('kustomization') ? ': patches' : '')}: the document contains excessive aliasing`)
  })

  it('is ordinary content where nobody parses it', async () => {
    expect(await refusal({ 'kustomization.yaml': 'configMapGenerator: [{name: x, files: [bomb.yaml]}]\n', 'bomb.yaml': manifest })).toBeUndefined()
  })
})

describe('expandsTooFar', () => {
  it.each([
    ['anchors that are used a few times', 'a: &a {k: v}\nb: *a\nc: *a\n'],
    ['a thousand uses of a small one', `a: &a {k: v}\nb:\n${'- *a\n'.repeat(1_000)}`],
    ['ampersands and stars of a script', `run: |\n${'  make *.o && rm -f *~ & wait\n'.repeat(500)}`],
    ['text that is no YAML', `${bomb}\n\t- {`],
    ['a star in a rule', `rules:\n${'- {apiGroups: ["*"], verbs: ["*"]}\n'.repeat(500)}`],
  ])('lets %s pass', (_what, text) => {
    expect(expandsTooFar(text)).toBe(false)
  })

  it('finds a bomb in block style, and by merge keys', () => {
    const block = ['a: &a\n- x\n- x\n', ...levels.map((_, at) => `k${at}: &${'bcdefghij'[at]}\n${`- *${'abcdefghi'[at]}\n`.repeat(9)}`)].join('')
    const merged = `a: &a {x: [1, 2, 3, 4, 5, 6, 7, 8, 9]}\n${levels.map((_, at) => `k${at}: &${'bcdefghij'[at]}\n${'12345678'.split('').map((key) => `  k${key}: {<<: *${'abcdefghi'[at]}}\n`).join('')}`).join('')}`
    expect([expandsTooFar(block), expandsTooFar(merged)]).toEqual([true, true])
  })
})
