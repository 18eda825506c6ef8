import type { Kustomization } from '@weir/shared/api'
import { failing, isStop, type Stop } from '@weir/shared/runtime'

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
export async function readVariables(kustomization: Kustomization, read: ReadReference): Promise<Variables | Stop> {
  const { postBuild } = kustomization.spec
  if (postBuild === undefined) return { values: new Map(), secret: [], substitutes: false }
  const referred = await readReferred(kustomization, read)
  if (isStop(referred)) return referred
  const inline = Object.entries(postBuild.substitute ?? {}).map(([key, value]) => [key, withoutNewlines(value)] as const)
  const values = new Map([...referred.values, ...inline])
  const wrong = [...values.keys()].filter((key) => !validName.test(key)).sort()[0]
  if (wrong !== undefined) {
    return failing({ reason: 'BuildFailed', message: `'${wrong}' is not a variable's name: letters, digits and _, not beginning with a digit` })
  }
  return { values, secret: referred.secret, substitutes: values.size > 0 || postBuild.substituteStrategy === 'Always' }
}

async function readReferred({ metadata, spec }: Kustomization, read: ReadReference): Promise<Omit<Variables, 'substitutes'> | Stop> {
  const values = new Map<string, string>()
  const secret: string[] = []
  for (const { kind, name, optional } of spec.postBuild?.substituteFrom ?? []) {
    const found = await read(kind, metadata.namespace ?? '', name)
    if (found === undefined && optional !== true) {
      return failing({ reason: 'BuildFailed', message: `substitute from '${kind}/${name}': ${kind} '${metadata.namespace}/${name}' not found` })
    }
    for (const [key, value] of found ?? []) {
      values.set(key, withoutNewlines(value))
      if (kind === 'Secret') secret.push(withoutNewlines(value))
    }
  }
  return { values, secret }
}

function withoutNewlines(value: string): string {
  return value.replaceAll('\n', '')
}
