import { sourceKinds } from '@weir/shared/api'
import type { Place } from './finding.ts'

export function isSourceKind(kind: string): boolean {
  return sourceKinds.some((each) => each.kind === kind)
}

const objectInText = /\b([A-Z][A-Za-z0-9]+)\/((?:[a-z0-9][a-z0-9.:-]*\/)?[a-z0-9](?:[a-z0-9.:-]*[a-z0-9])?)/g

/** Objects that a message names as `Kind/namespace/name` or `Kind/name`, in the order of the text, each once. */
export function placesIn(message: string): readonly Place[] {
  const found = [...message.matchAll(objectInText)].map(([, kind = '', rest = '']): Place => {
    const [first = '', second] = rest.split('/')
    return second === undefined ? { kind, namespace: '', name: first } : { kind, namespace: first, name: second }
  })
  const keys = found.map((place) => JSON.stringify(place))
  return found.filter((_, at) => keys.indexOf(keys[at] ?? '') === at)
}

/** A file of the user's repository, and the line where it is known. */
export interface FilePlace {
  readonly file: string
  readonly line: number | undefined
}

const fileInText = /(?:^|[\s"'`(])((?:[\w.@+-]+\/)*(?:[\w.@+-]+\.(?:ya?ml|json|env|properties|txt|conf|toml|ini|sh)|Kustomization))(?::(\d+))?(?=$|[\s"'`),:;])/
const lineInText = /\bline (\d+)\b/

/** The first file that a message names; undefined where it names none. */
export function fileIn(message: string): FilePlace | undefined {
  const [, file, line] = fileInText.exec(message) ?? []
  if (file === undefined) return undefined
  const said = line ?? lineInText.exec(message)?.[1]
  return { file, line: said === undefined ? undefined : Number(said) }
}
