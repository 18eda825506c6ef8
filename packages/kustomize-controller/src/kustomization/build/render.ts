import { annotations } from '@weir/shared/api'
import { isBuildFile, KustomizeError, substitute, SubstitutionError, type KeptBuild, type KeptObject } from '@weir/shared/kustomize'
import {
  decodeObject,
  digestText,
  dumpYaml,
  identify,
  isSecret,
  parseJson,
  parseYaml,
  showObject,
  YamlError,
  type KubeObject,
} from '@weir/shared/manifest'
import type { Variables } from '../inputs/variables.ts'

/** The objects of a build after substitution, in its order. */
export interface Rendered {
  readonly objects: readonly KubeObject[]
  /** Of the objects before owner labels and common metadata: what the history goes by. */
  readonly digest: string
}

export interface PostBuildRules {
  readonly variables: Variables
  /** An unset variable without a default fails the build. */
  readonly strict: boolean
}

/**
 * What comes after the build (contract 4.5): per object substitution and the checks. Throws KustomizeError `substitution` or
 * `input`, and EncryptedError. Where something is substituted, the build must have its texts.
 */
export function render(built: KeptBuild, rules: PostBuildRules): Rendered {
  const kept = built.objects.filter((each) => !isBuildFile(each))
  const all = kept.map((each) => (rules.variables.substitutes ? substituteIn(each, rules) : { object: decode(parseJson(each.json)), yaml: '' }))
  for (const { object } of all) refuseEncrypted(object)
  const digest = rules.variables.substitutes ? digestText(all.map(({ yaml }) => yaml).join('---\n')) : built.digest
  return { objects: all.map(({ object }) => object), digest }
}

/** An object that only decryption could make fit to apply. */
export class EncryptedError extends Error {
  override readonly name = 'EncryptedError'
}

function substituteIn({ json, yaml }: KeptObject, rules: PostBuildRules): { readonly object: KubeObject; readonly yaml: string } {
  if (yaml === undefined) throw new Error('variables are substituted in a build without texts')
  const plain = decode(parseJson(json))
  if (isExempt(plain)) return { object: plain, yaml }
  const object = decode(substituted(yaml, plain, rules))
  return { object, yaml: dumpYaml(object) }
}

function substituted(yaml: string, object: KubeObject, { variables, strict }: PostBuildRules): unknown {
  const name = showObject(identify(object))
  try {
    return parseYaml(substitute(yaml, variables.values, { strict }), { dialect: 'go' })
  } catch (error) {
    if (error instanceof SubstitutionError) throw new KustomizeError('substitution', `post build failed for ${name}: ${error.message}`, { cause: error })
    // The parser's own words may repeat a value that came from a Secret.
    if (error instanceof YamlError) throw new KustomizeError('substitution', `post build failed for ${name}: the result of the substitution is not valid YAML`)
    throw error
  }
}

function decode(value: unknown): KubeObject {
  const decoded = decodeObject(value)
  if (!decoded.ok) throw new KustomizeError('input', decoded.message)
  return decoded.object
}

/** `substitute: disabled`, as label or annotation, in exactly this spelling (contract 4.7). */
function isExempt({ metadata }: KubeObject): boolean {
  return [metadata.labels, metadata.annotations].some((map) => map?.[annotations.substitute] === 'disabled')
}

function refuseEncrypted(object: KubeObject): void {
  if (!isSecret(object) || object['sops'] === undefined) return
  throw new EncryptedError(`${showObject(identify(object))} is SOPS encrypted, configuring decryption is required for this secret to be reconciled`)
}
