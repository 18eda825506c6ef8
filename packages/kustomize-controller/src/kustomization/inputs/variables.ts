import type { Kustomization } from '@weir/shared/api'
import { failing, type Stop } from '@weir/shared/runtime'

/** What `postBuild` substitutes. */
export interface Variables {
  readonly values: ReadonlyMap<string, string>
  /** Values that came from Secrets: no message may repeat them. */
  readonly secret: readonly string[]
  /** False: `${…}` stays as written. */
  readonly substitutes: boolean
}

export type ReferenceKind = 'ConfigMap' | 'Secret'

/** Reads a ConfigMap or Secret as plain text; undefined: it does not exist. */
export type ReadReference = (kind: ReferenceKind, namespace: string, name: string) => Promise<ReadonlyMap<string, string> | undefined>

const validName = /^[_a-zA-Z][_a-zA-Z0-9]*$/

/**
 * `substituteFrom` in order, later wins, then `substitute` (contract 4.7). Newlines go from every value.
 * A missing reference that is not optional, and a name that is no variable's, fail the build.
 */
export async function readVariables({ metadata, spec }: Kustomization, read: ReadReference): Promise<Variables | Stop> {
  const values = new Map<string, string>()
  const secret: string[] = []
  for (const { kind, name, optional } of spec.postBuild?.substituteFrom ?? []) {
    const found = await read(kind, metadata.namespace ?? '', name)
    if (found === undefined && optional !== true) {
      return failing({ reason: 'BuildFailed', message: `substitute from '${kind}/${name}': ${kind} '${metadata.namespace}/${name}' not found` })
    }
    for (const [key, value] of found ?? []) values.set(key, withoutNewlines(value))
    if (kind === 'Secret') secret.push(...[...(found ?? [])].map(([, value]) => withoutNewlines(value)))
  }
  for (const [key, value] of Object.entries(spec.postBuild?.substitute ?? {})) values.set(key, withoutNewlines(value))
  const wrong = [...values.keys()].filter((key) => !validName.test(key)).sort()[0]
  if (wrong !== undefined) {
    return failing({ reason: 'BuildFailed', message: `'${wrong}' is not a variable's name: letters, digits and _, not beginning with a digit` })
  }
  const substitutes = spec.postBuild !== undefined && (values.size > 0 || spec.postBuild.substituteStrategy === 'Always')
  return { values, secret, substitutes }
}

function withoutNewlines(value: string): string {
  return value.replaceAll('\n', '')
}
