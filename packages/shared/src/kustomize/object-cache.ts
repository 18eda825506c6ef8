import { LRUCache } from 'lru-cache'
import type { BuiltObject } from '@weir/shared/engine'
import { digestText } from '@weir/shared/manifest'

/** Built objects by key, least recently used first to go, under a budget of bytes. Never on disk: they hold Secrets. */
export interface ObjectCache {
  get(key: string): KeptBuild | undefined
  /** Kept if somebody builds this, or nobody in particular has built it. */
  set(key: string, build: KeptBuild, owner: string | undefined): void
  /** This is what the owner builds now. What it built before its last build goes, unless another owner has it, too. */
  use(owner: string, key: string): void
  /** The owner builds nothing any more. */
  leave(owner: string): void
  sizeBytes(): number
}

/** The newest, and the one before: who takes back a commit, of a base perhaps that a thousand build on, is in a hurry. */
const buildsAnOwner = 2

/** What an object costs beside its text. */
const overheadBytes = 200

export function createObjectCache(budgetBytes: number): ObjectCache {
  const cache = new LRUCache<string, KeptBuild>({ maxSize: budgetBytes, sizeCalculation: sizeOf })
  const held = new Map<string, readonly string[]>()
  const users = new Map<string, number>()
  const hold = (key: string): void => void users.set(key, (users.get(key) ?? 0) + 1)
  const release = (key: string): void => {
    const left = (users.get(key) ?? 0) - 1
    if (left > 0) return void users.set(key, left)
    users.delete(key)
    cache.delete(key)
  }
  return {
    get: (key) => cache.get(key),
    set(key, build, owner) {
      if (owner === undefined || users.has(key)) cache.set(key, build)
    },
    use(owner, key) {
      const before = held.get(owner) ?? []
      if (before[0] === key) return
      hold(key)
      const after = [key, ...before.filter((each) => each !== key)].slice(0, buildsAnOwner)
      held.set(owner, after)
      for (const each of before) if (each === key || !after.includes(each)) release(each)
    },
    leave(owner) {
      for (const key of held.get(owner) ?? []) release(key)
      held.delete(owner)
    },
    sizeBytes: () => cache.calculatedSize,
  }
}

function sizeOf({ objects }: KeptBuild): number {
  return objects.reduce((size, { json, yaml = '' }) => size + json.length + yaml.length + overheadBytes, overheadBytes)
}

/** A build as it is kept: the YAML of an object is as large as its JSON, and only substitution works on it. */
export interface KeptBuild {
  /** In the order of the build. */
  readonly objects: readonly KeptObject[]
  /** Of the objects as YAML, kustomization files that were built as if they were objects left out: what a history goes by. */
  readonly digest: string
}

export interface KeptObject {
  /** Compact JSON, numbers as written. */
  readonly json: string
  /** The same object as Go prints it; absent where the request did not ask for texts. */
  readonly yaml?: string
}

export function keep(built: readonly BuiltObject[], texts: boolean): KeptBuild {
  const digest = digestText(built.filter((each) => !isBuildFile(each)).map(({ yaml }) => yaml).join('---\n'))
  return { digest, objects: texts ? built : built.map(({ json }) => ({ json })) }
}

export function hasTexts({ objects }: KeptBuild): boolean {
  return objects.every(({ yaml }) => yaml !== undefined)
}

/** A kustomization file that was built as if it were an object. */
export function isBuildFile({ json }: Pick<BuiltObject, 'json'>): boolean {
  if (!json.includes('"kustomize.config.k8s.io/')) return false // nearly all of them
  const { apiVersion, kind } = JSON.parse(json) as { readonly apiVersion?: unknown; readonly kind?: unknown }
  return kind === 'Kustomization' && typeof apiVersion === 'string' && apiVersion.startsWith('kustomize.config.k8s.io/')
}
