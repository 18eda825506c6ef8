import type { View } from '@weir/shared/engine'
import { jsonOf } from '@weir/shared/manifest'
import { refusePatchBombs, refuseFileBomb } from './bombs.ts'
import type { Closure } from './closure/closure.ts'
import { KustomizeError } from './kustomize-error.ts'

export interface ViewSource {
  /** All files of the tree, for a build that decides itself what it reads. */
  readonly allFiles: () => Iterable<string>
  readonly read: (path: string) => Promise<Uint8Array>
}

const maxViewBytes = 64 * 1024 * 1024

/**
 * The files of a closure in memory, every kustomization file rewritten as JSON from the scanner's own parse: the engine
 * reads exactly what was checked. KustomizeError `resource` for more than 64 MiB, `input` for YAML that aliases blow up.
 */
export async function makeView(closure: Closure, source: ViewSource): Promise<View> {
  const names = new Set(closure.whole ? source.allFiles() : closure.files.keys())
  const files = new Map<string, Uint8Array>()
  let size = 0
  for (const name of names) {
    if (closure.kustomizations.has(name)) continue
    const content = await source.read(name)
    size += content.byteLength
    if (size > maxViewBytes) throw new KustomizeError('resource', `the files of the build need more than ${maxViewBytes} bytes`)
    if (closure.whole || closure.parsed.has(name)) refuseFileBomb(name, content)
    files.set(name, content)
  }
  refusePatchBombs(closure)
  for (const [name, kustomization] of closure.kustomizations) files.set(name, Buffer.from(yamlSafe(jsonOf(kustomization))))
  return { files, path: closure.path, ownProcess: closure.ownSchema }
}

/** JSON is YAML but for a few characters that JSON allows bare: YAML refuses some and breaks lines at others. */
function yamlSafe(json: string): string {
  return json.replaceAll(/[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}
