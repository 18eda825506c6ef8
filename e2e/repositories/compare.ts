import type { BuiltObject } from '@weir/shared/engine'
import { canonicalJson, digestText, parseJson, parseYaml } from '@weir/shared/manifest'

/**
 * Where our objects are not the official ones, as sentences: their number and order, then each object's text byte for byte, then its
 * JSON in canonical form (sorted keys, numbers as written).
 */
export function differencesOf(official: readonly string[], ours: readonly BuiltObject[]): readonly string[] {
  const count = official.length === ours.length ? [] : [`${official.length} objects officially, ${ours.length} ours`]
  const objects = official.slice(0, ours.length).flatMap((text, index) => {
    const object = ours[index]
    return object === undefined ? [] : differenceOf(text, object).map((difference) => `object ${index}: ${difference}`)
  })
  return [...count, ...objects].slice(0, mostShown)
}

/** Digest of an official text to that of its canonical JSON: large definitions come again and again, and reading YAML is slow. */
const known = new Map<string, string>()

/** The first few tell what is wrong. */
const mostShown = 5

function differenceOf(text: string, { json, yaml }: BuiltObject): readonly string[] {
  if (text !== yaml) return [`text: ${firstDifference(text, yaml)}`]
  const ours = canonicalJson(parseJson(json))
  const digest = digestText(text)
  if (known.get(digest) === digestText(ours)) return []
  const official = canonicalJson(parseYaml(text, { dialect: 'kyaml', maxBytes: 64 << 20 }))
  known.set(digest, digestText(official))
  return official === ours ? [] : [`JSON: ${aroundDifference(official, ours)}`]
}

function firstDifference(official: string, ours: string): string {
  const [a, b] = [official.split('\n'), ours.split('\n')]
  const at = a.findIndex((line, index) => line !== b[index])
  return at === -1 ? `ends after line ${a.length} officially` : `line ${at + 1}: ${JSON.stringify(a[at])} officially, ${JSON.stringify(b[at])} ours`
}

function aroundDifference(official: string, ours: string): string {
  let at = 0
  while (at < official.length && official[at] === ours[at]) at += 1
  const show = (text: string): string => JSON.stringify(text.slice(Math.max(0, at - 40), at + 40))
  return `${show(official)} officially, ${show(ours)} ours`
}
