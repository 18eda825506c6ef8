import { CORE_SCHEMA, dump, DUMP_SCHEMA, loadAll, mergeTag, YAMLException } from 'js-yaml'
import type { LoadOptions, Schema } from 'js-yaml'
import { YamlError } from './yaml-error.ts'
import { coreBoolTag, dumpedFloatTag, dumpedIntTag, foreignTags, goBinaryTag, goFloatTag, goIntTag, goTimestampTag, yaml11BoolTag } from './yaml-tags.ts'

/**
 * How Go programs of this field read YAML:
 * - `go`: sigs.k8s.io/yaml (YAML 1.1): kustomization files, results of substitution, Helm. `yes` is true; the last of two equal keys wins.
 * - `kyaml`: kustomize's resource files. `yes` is text, dates become RFC 3339, two equal keys are an error.
 */
export type YamlDialect = 'go' | 'kyaml'

export interface YamlOptions {
  readonly dialect: YamlDialect
  /** Two equal keys are an error in `go`, too. */
  readonly strict?: boolean
  /** Of the text. Default 16 MiB. */
  readonly maxBytes?: number
  /** Of lists and maps in one another. Default 100. */
  readonly maxDepth?: number
  /** Of the values of all documents once aliases are expanded. Default 1,000,000; only counted where there are aliases. */
  readonly maxValues?: number
}

const schemas: Readonly<Record<YamlDialect, Schema>> = {
  go: CORE_SCHEMA.withTags(mergeTag, goIntTag, goFloatTag, yaml11BoolTag, goBinaryTag, foreignTags),
  kyaml: CORE_SCHEMA.withTags(mergeTag, goTimestampTag, goIntTag, goFloatTag, coreBoolTag, goBinaryTag, foreignTags),
}

/**
 * The first document; undefined where the text holds none. Integers beyond 2^53 are bigints ({@link jsonOf} prints them).
 * Throws {@link YamlError} with the line, also for text that is too big, too deep or expands to too much.
 */
export function parseYaml(text: string, options: YamlOptions): unknown {
  return parseYamlDocuments(text, options)[0]
}

/** All documents; an empty one is null. Throws {@link YamlError}. */
export function parseYamlDocuments(text: string, options: YamlOptions): readonly unknown[] {
  const { dialect, strict = dialect === 'kyaml', maxBytes = 16 * 1024 * 1024, maxDepth = 100 } = options
  if (text.length > maxBytes) throw new YamlError(`more than ${maxBytes} bytes of YAML`)
  const documents = load(text, { schema: schemas[dialect], json: !strict, maxDepth, maxAliases: 10_000 })
  // A few hundred bytes of aliases to aliases can stand for more values than any memory holds.
  if (text.includes('*')) refuseExpansion(documents, options.maxValues ?? 1_000_000)
  return documents
}

/**
 * Whether aliases make a text stand for more values than that. False for text that cannot be read: whoever reads it refuses it. A few
 * aliases in a small text are not even looked at: k of them, spread over levels, multiply by at most 3^(k/3).
 */
export function expandsTooFar(text: string, maxValues = 1_000_000): boolean {
  const aliases = text.match(aliasPattern)?.length ?? 0
  if (aliases === 0 || text.length * 3 ** (aliases / 3) <= maxValues) return false
  try {
    refuseExpansion(loadAll(text, { schema: schemas.kyaml, json: true, maxDepth: 1_000, maxAliases: text.length }), maxValues)
    return false
  } catch (error) {
    return error instanceof YamlError
  }
}

const aliasPattern = /(?<![^\s[{,:-])\*[^\s[\]{},*]/g

function load(text: string, options: LoadOptions): readonly unknown[] {
  try {
    return loadAll(text, options)
  } catch (error) {
    if (error instanceof YAMLException) throw new YamlError(error.reason, error.mark === undefined ? undefined : error.mark.line + 1, error)
    throw new YamlError('YAML that cannot be read', undefined, error)
  }
}

function refuseExpansion(documents: readonly unknown[], maxValues: number): void {
  const open: unknown[] = [...documents]
  for (let seen = 0; open.length > 0; seen += 1) {
    if (seen + open.length > maxValues) throw new YamlError('the document contains excessive aliasing')
    const value = open.pop()
    if (typeof value !== 'object' || value === null) continue
    for (const inner of Object.values(value)) open.push(inner)
  }
}

const dumpSchema = DUMP_SCHEMA.withTags(dumpedIntTag, dumpedFloatTag)

/** YAML as Go's sigs.k8s.io/yaml lays it out: keys sorted, lists not indented, no anchors. Reads back the same there. */
export function dumpYaml(value: unknown): string {
  return dump(value, { schema: dumpSchema, sortKeys: byBytes, seqNoIndent: true, noRefs: true, lineWidth: -1, quoteStyle: 'double' })
}

function byBytes(a: unknown, b: unknown): number {
  return Buffer.compare(Buffer.from(String(a)), Buffer.from(String(b)))
}

/** Compact JSON of a parsed value. Bigints are printed as the numbers they are. */
export function jsonOf(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? rawJson(String(inner)) : inner))
}

function rawJson(text: string): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(text)
}
