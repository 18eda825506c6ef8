import { annotations } from '@weir/shared/api'
import type { BuiltObject } from '@weir/shared/engine'
import { KustomizeError, substitute, SubstitutionError } from '@weir/shared/kustomize'
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
 * `input`, and EncryptedError.
 */
export function render(built: readonly BuiltObject[], rules: PostBuildRules): Rendered {
  const texts: string[] = []
  const objects: KubeObject[] = []
  for (const each of built) {
    const { object, yaml } = readObject(each, rules)
    if (isBuildFile(object)) continue
    refuseEncrypted(object)
    texts.push(yaml)
    objects.push(object)
  }
  return { objects, digest: digestText(texts.join('---\n')) }
}

/** An object that only decryption could make fit to apply. */
export class EncryptedError extends Error {
  override readonly name = 'EncryptedError'
}

function readObject(built: BuiltObject, { variables, strict }: PostBuildRules): { readonly object: KubeObject; readonly yaml: string } {
  const plain = decode(parseJson(built.json))
  if (!variables.substitutes || isExempt(plain)) return { object: plain, yaml: built.yaml }
  const object = decode(substituted(built.yaml, plain, { variables, strict }))
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

/** A kustomization file that was built as if it were an object. */
function isBuildFile({ apiVersion, kind }: KubeObject): boolean {
  return kind === 'Kustomization' && apiVersion.startsWith('kustomize.config.k8s.io/')
}

function refuseEncrypted(object: KubeObject): void {
  if (!isSecret(object) || object['sops'] === undefined) return
  throw new EncryptedError(`${showObject(identify(object))} is SOPS encrypted, configuring decryption is required for this secret to be reconciled`)
}
