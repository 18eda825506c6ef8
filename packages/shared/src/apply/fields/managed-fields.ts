import type { ManagedFields } from '@weir/shared/api'
import { retired } from '@weir/shared/api'
import type { KubeObject } from '@weir/shared/manifest'
import { isFields } from '@weir/shared/manifest'
import type { Fields } from '@weir/shared/manifest'

/** Writers whose fields are taken over: what a person or an earlier tool wrote by hand is not left behind. */
export type Overridden = (entry: ManagedFields) => boolean

interface OverrideRule {
  readonly prefix: string
  readonly operations: readonly string[]
}

/** `extra`: `--override-manager`, beside those of contract 4.8. Names are prefixes. */
export function overriding(manager: string, extra: readonly string[] = []): Overridden {
  const both = ['Apply', 'Update']
  const rules: readonly OverrideRule[] = [
    { prefix: 'kubectl', operations: both },
    { prefix: 'before-first-apply', operations: ['Update'] },
    { prefix: manager, operations: ['Update'] },
    ...extra.map((prefix) => ({ prefix, operations: both })),
  ]
  return (entry) =>
    isMain(entry) &&
    !isOurs(entry, manager) &&
    rules.some(({ prefix, operations }) => entry.manager?.startsWith(prefix) === true && operations.includes(entry.operation ?? ''))
}

/** What our own server-side apply owns of an object. */
export function ourEntry(entries: readonly ManagedFields[] | undefined, manager: string): ManagedFields | undefined {
  return entries?.find((entry) => isOurs(entry, manager))
}

/** All other writers, the last one first. Status is not what we declare. */
export function otherEntries(entries: readonly ManagedFields[] | undefined, manager: string): readonly ManagedFields[] {
  const others = (entries ?? []).filter((entry) => isMain(entry) && !isOurs(entry, manager))
  return others.toSorted((a, b) => (b.time ?? '').localeCompare(a.time ?? ''))
}

/** Annotations and labels of earlier tools are on the object. */
export function hasRetired({ metadata }: Pick<KubeObject, 'metadata'>): boolean {
  return retired.annotations.some((key) => metadata.annotations?.[key] !== undefined) || retired.labels.some((key) => metadata.labels?.[key] !== undefined)
}

export interface JsonPatchStep {
  readonly op: 'remove' | 'replace'
  readonly path: string
  readonly value?: unknown
}

/**
 * One JSON patch that gives us the fields of overridden writers and takes off what is retired; `undefined` when there is
 * nothing to do. It fails with a conflict if the object has moved since it was read. The next apply then removes the
 * fields that are not declared.
 */
export function takeOverPatch(live: KubeObject, manager: string, isOverridden: Overridden): readonly JsonPatchStep[] | undefined {
  const { metadata } = live
  const entries = metadata.managedFields ?? []
  const taken = entries.filter(isOverridden)
  const steps: readonly JsonPatchStep[] = [
    ...removals('annotations', retired.annotations, metadata.annotations),
    ...removals('labels', retired.labels, metadata.labels),
    ...(taken.length === 0 ? [] : [{ op: 'replace', path: '/metadata/managedFields', value: takeOver(entries, taken, manager) } as const]),
  ]
  if (steps.length === 0) return undefined
  return [...steps, { op: 'replace', path: '/metadata/resourceVersion', value: metadata.resourceVersion }]
}

function takeOver(entries: readonly ManagedFields[], taken: readonly ManagedFields[], manager: string): readonly ManagedFields[] {
  const ours = ourEntry(entries, manager)
  const [base, ...rest] = ours === undefined ? taken : [ours, ...taken]
  if (base === undefined) return entries
  const fieldsV1 = rest.reduce<Fields>((all, entry) => mergeFields(all, entry.fieldsV1 ?? {}), base.fieldsV1 ?? {})
  const kept = entries.filter((entry) => entry !== ours && !taken.includes(entry))
  return [...kept, { ...base, manager, operation: 'Apply', fieldsV1 }]
}

function mergeFields(a: Fields, b: Fields): Fields {
  const merged: Record<string, unknown> = { ...a }
  for (const [key, below] of Object.entries(b)) {
    const known = merged[key]
    merged[key] = isFields(known) && isFields(below) ? mergeFields(known, below) : below
  }
  return merged
}

function removals(field: 'annotations' | 'labels', keys: readonly string[], present: Readonly<Record<string, string>> | undefined): readonly JsonPatchStep[] {
  return keys.filter((key) => present?.[key] !== undefined).map((key) => ({ op: 'remove', path: `/metadata/${field}/${escapePointer(key)}` }))
}

const escapePointer = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1')
const isMain = (entry: ManagedFields): boolean => entry.subresource === undefined || entry.subresource === ''
const isOurs = (entry: ManagedFields, manager: string): boolean => entry.manager === manager && entry.operation === 'Apply' && isMain(entry)
