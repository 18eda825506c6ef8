import { createHash } from 'node:crypto'
import { clampPath } from './closure/locate.ts'
import type { Footprint } from './closure/closure.ts'
import type { BuildSpec } from './spec.ts'

/** What of a spec decides which files a build reads. */
export function scopeOf({ path = '', components = [], ignoreMissingComponents = false }: BuildSpec): string {
  return JSON.stringify([clampPath(path), components, ignoreMissingComponents && components.length > 0])
}

/** Digest of a footprint's content. `treeDigest` stands for everything where a build may read everything. */
export function footprintDigest(footprint: Footprint, treeDigest: string): string {
  const { files, absent, listed, whole } = footprint
  const hash = createHash('sha256')
  if (whole) hash.update(`tree ${treeDigest}\n`)
  for (const [path, digest] of [...files].toSorted(byFirst)) hash.update(`file ${JSON.stringify(path)} ${digest}\n`)
  for (const path of [...absent].toSorted()) hash.update(`absent ${JSON.stringify(path)}\n`)
  for (const path of [...listed].toSorted()) hash.update(`listed ${JSON.stringify(path)}\n`)
  return hash.digest('hex')
}

/** Equal key, equal objects. Everything that shapes a build is in here, and a build can read nothing else. */
export function buildKey(engineVersion: string, footprint: string, spec: BuildSpec): string {
  const { targetNamespace, namePrefix, nameSuffix, patches, images, components, ignoreMissingComponents, buildMetadata } = spec
  const shaped = [
    clampPath(spec.path ?? ''), targetNamespace, namePrefix, nameSuffix, patches, images, components, ignoreMissingComponents, buildMetadata,
  ]
  const text = JSON.stringify([engineVersion, footprint, ...shaped.map((value) => value ?? null)])
  return createHash('sha256').update(text).digest('hex')
}

function byFirst([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : Number(a > b)
}
