import path from 'node:path'
import { digestOf } from '@weir/shared/files'
import type { Checkout } from './checkout.ts'
import { differencesOf } from './compare.ts'
import { asFluxWrites, faultsOf, type Equipment } from './directory.ts'
import type { Asked } from './judge.ts'
import { buildOfficially, type OfficialBuild } from './official.ts'
import type { OurBuilder } from './ours.ts'

export interface Edits {
  readonly checkout: Checkout
  readonly directory: string
  /** How the official command gives what ours gives. */
  readonly asked: Asked
  readonly seed: string
}

export interface EditResult {
  /** What is wrong, as sentences. */
  readonly faults: readonly string[]
  readonly edits: number
}

/**
 * Edits one file that the build reads and one that it does not, both chosen by the seed: the first makes another key and the official
 * result, the second neither another key nor a scan nor, officially, another result.
 */
export async function faultsOfEdits(edits: Edits, builder: OurBuilder, equipment: Equipment): Promise<EditResult> {
  const { checkout, directory, seed } = edits
  const before = await builder.build(checkout.tree(), directory)
  if (before.kind !== 'built') return { faults: [`does not build any more: ${before.message}`], edits: 0 }
  const read = builder.readBy(directory)
  const files = [...checkout.tree().manifest.files.keys()]
  const inside = choose(files.filter((file) => read.has(file)), `${seed} inside`)
  const outside = choose(neighboursOf(directory, files.filter((file) => !read.has(file))), `${seed} outside`)
  const faults: string[] = []
  if (outside !== undefined) faults.push(...(await editOutside(edits, { file: outside, key: before.key, builder, equipment })))
  if (inside !== undefined) faults.push(...(await editInside(edits, { file: inside, key: before.key, builder, equipment })))
  return { faults, edits: [inside, outside].filter((file) => file !== undefined).length }
}

interface Edit {
  readonly file: string
  /** Before the edit. */
  readonly key: string
  readonly builder: OurBuilder
  readonly equipment: Equipment
}

function editInside(edits: Edits, { file, key, builder, equipment }: Edit): Promise<readonly string[]> {
  const { checkout, directory } = edits
  return checkout.edited(file, (text) => changed(file, text), async () => {
    const after = await builder.build(checkout.tree(), directory)
    const official = await askAgain(edits, equipment)
    const told = (what: string): readonly string[] => [`after an edit of ${file}: ${what}`]
    if (after.kind === 'failed') {
      const wrong = official.kind === 'built' ? [`builds officially; ours: ${after.message}`] : faultsOf(after, { root: checkout.copyRoot })
      return wrong.flatMap(told)
    }
    if (official.kind === 'failed') return told(`fails officially, ours builds: ${official.message}`)
    const stale = after.key === key ? told('the key is the same') : []
    return [...stale, ...differencesOf(official.documents, after.objects).flatMap(told)]
  })
}

function editOutside(edits: Edits, { file, key, builder, equipment }: Edit): Promise<readonly string[]> {
  const { checkout, directory } = edits
  return checkout.edited(file, (text) => `${text}\n# edited\n`, async () => {
    const [scans, builds] = [builder.counts().scans, builder.engineBuilds()]
    const after = await builder.build(checkout.tree(), directory)
    const official = await askAgain(edits, equipment)
    const told = (what: string): readonly string[] => [`after an edit of ${file}, which the build does not read: ${what}`]
    if (after.kind === 'failed') return told(after.message)
    if (official.kind === 'failed') return told(`fails officially: ${official.message}`)
    const again = builder.counts().scans !== scans || builder.engineBuilds() !== builds ? told('it was scanned or built again') : []
    return [...again, ...(after.key === key ? [] : told('the key is another')), ...differencesOf(official.documents, after.objects).flatMap(told)]
  })
}

/** The official command on the edited copy. The top file gets what Flux writes by hand, as it may be the edited one. */
async function askAgain({ checkout, directory, asked }: Edits, { official, signal }: Equipment): Promise<OfficialBuild> {
  const build = (): Promise<OfficialBuild> => buildOfficially(official, { directory: path.join(checkout.copyRoot, directory), restricted: !asked.unrestricted, signal })
  const names = ['kustomization.yaml', 'kustomization.yml', 'Kustomization'].map((name) => path.join(directory, name))
  const top = names.find((name) => checkout.tree().manifest.files.has(name))
  if (top === undefined || (!asked.origins && asked.lenient.length === 0)) return build()
  return checkout.edited(top, (text) => asFluxWrites(text, asked), build)
}

/** A change that shows where it can: an annotation for all, a finalizer for one object; a line for anything else. */
export function changed(file: string, text: string): string {
  if (path.basename(file).startsWith('kustomization.y') || path.basename(file) === 'Kustomization') {
    return /^commonAnnotations:/m.test(text) ? `${text.trimEnd()}\n# edited\n` : `${text.trimEnd()}\ncommonAnnotations: {weir.dev/edited: "yes"}\n`
  }
  if (!/\.ya?ml$/.test(file)) return `${text}\nedited\n`
  const shown = text.replace(/^metadata:[ \t]*\n(?=( +))/m, (line, indent: string) => `${line}${indent}finalizers: [weir.dev/edited]\n`)
  return shown === text ? `${text.trimEnd()}\n# edited\n` : shown
}

/** Files as near as possible: those that a scan is most likely to take by mistake, or to miss. */
function neighboursOf(directory: string, files: readonly string[]): readonly string[] {
  for (let at = directory; ; at = path.dirname(at)) {
    const near = files.filter((file) => at === '.' || at === '' || file.startsWith(`${at}/`))
    if (near.length > 0 || at === '.' || at === '') return near
  }
}

function choose(files: readonly string[], seed: string): string | undefined {
  const sorted = files.toSorted()
  return sorted[Number.parseInt(digestOf(seed).slice(7, 17), 16) % Math.max(1, sorted.length)]
}
