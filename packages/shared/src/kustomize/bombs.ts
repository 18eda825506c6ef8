import { expandsTooFar } from '@weir/shared/manifest'
import type { Closure } from './closure/closure.ts'
import { recordsOf, textsOf } from './closure/fields.ts'
import { KustomizeError } from './kustomize-error.ts'

const says = 'the document contains excessive aliasing'

/**
 * A few hundred bytes of aliases to aliases can stand for more values than any memory holds. The engine would die of it under its
 * limit, and nobody could say which file it was. KustomizeError `input`.
 */
export function refuseFileBomb(file: string, content: Uint8Array): void {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength)
  if (!bytes.includes('&') || !bytes.includes('*')) return
  if (expandsTooFar(bytes.toString('utf8'))) throw new KustomizeError('input', `${file}: ${says}`, { file })
}

/** The same for patches that stand in a kustomization or in the spec. */
export function refusePatchBombs({ kustomizations, generated }: Closure): void {
  for (const [file, kustomization] of kustomizations) {
    const patches = ['patches', 'patchesJson6902'].flatMap((field) => recordsOf(kustomization[field]).map(({ patch }) => patch))
    const texts = [...patches, ...textsOf(kustomization['patchesStrategicMerge'])].filter((text) => typeof text === 'string')
    if (!texts.some((text) => expandsTooFar(text))) continue
    if (file === generated) throw new KustomizeError('input', `spec.patches: ${says}`)
    throw new KustomizeError('input', `${file}: patches: ${says}`, { file })
  }
}
