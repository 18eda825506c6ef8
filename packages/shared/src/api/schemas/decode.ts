import { z } from 'zod'
import { apiVersionOf, gitRepositoryKind, kustomizationKind } from '../kinds.ts'
import type { Kind } from '../kinds.ts'
import type { GitRepository, Kustomization } from '../types.ts'
import { gitRepositorySpec, gitRepositoryStatus } from './git-repository.ts'
import { kustomizationSpec, kustomizationStatus } from './kustomization.ts'

/** An object that fits its schema, or the first field that does not (`spec.interval`) and why, fit for a condition. */
export type Decoded<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly field: string; readonly message: string }

const metadata = z.object({ name: z.string().min(1), namespace: z.string().optional(), generation: z.number().optional() })
const gitRepository = objectSchema({ kind: gitRepositoryKind, spec: gitRepositorySpec, status: gitRepositoryStatus })
const kustomization = objectSchema({ kind: kustomizationKind, spec: kustomizationSpec, status: kustomizationStatus })

/**
 * Checks an object of the API server. It is returned as it is, unknown fields and all; defaults are not filled in.
 * An object may have been stored before a rule of its schema was served, so a good API server proves nothing.
 */
export function decodeGitRepository(object: unknown): Decoded<GitRepository> {
  return decode<GitRepository>(gitRepository, object)
}

/** See {@link decodeGitRepository}. */
export function decodeKustomization(object: unknown): Decoded<Kustomization> {
  return decode<Kustomization>(kustomization, object)
}

function objectSchema(shape: { kind: Kind; spec: z.ZodType; status: z.ZodType }) {
  return z.object({
    apiVersion: z.literal(apiVersionOf(shape.kind)),
    kind: z.literal(shape.kind.kind),
    metadata,
    spec: shape.spec,
    status: shape.status.optional(),
  })
}

function decode<T>(schema: z.ZodType, object: unknown): Decoded<T> {
  const parsed = schema.safeParse(object, { reportInput: true })
  const issue = parsed.error?.issues.find(matters)
  if (issue === undefined) return { ok: true, value: object as T }
  return { ok: false, field: fieldName(issue.path), message: messageOf(issue) }
}

/** A status is ours: its types must be right, but no pattern or limit of today makes yesterday's unreadable. */
function matters(issue: z.core.$ZodIssue): boolean {
  return issue.path[0] !== 'status' || issue.code === 'invalid_type'
}

function fieldName(path: readonly PropertyKey[]): string {
  return path.map((key, index) => (typeof key === 'number' ? `[${key}]` : `${index === 0 ? '' : '.'}${String(key)}`)).join('')
}

/** Quotes what was given only where it cannot be a secret: a malformed URL may hold a password. */
function messageOf(issue: z.core.$ZodIssue): string {
  if (issue.input === undefined) return 'is required'
  if (isDurationIssue(issue)) return `${quoted(issue.input)} is no duration such as 30s, 5m or 1h30m`
  return issue.code === 'invalid_value' ? `${quoted(issue.input)}: ${issue.message}` : issue.message
}

function quoted(input: unknown): string {
  return JSON.stringify(typeof input === 'string' ? input.slice(0, 100) : typeof input)
}

function isDurationIssue(issue: z.core.$ZodIssue): boolean {
  return issue.message === 'is no duration' || (issue.code === 'invalid_format' && 'pattern' in issue && String(issue.pattern).includes('ms|s|m'))
}
