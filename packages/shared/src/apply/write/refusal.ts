import { KubeError } from '@weir/shared/kube'
import type { KubeErrorCode } from '@weir/shared/kube'
import { decodeObject, isSecret, maskSecret, parseJson, showObject } from '@weir/shared/manifest'
import { ApplyError } from '../apply-error.ts'
import type { Desired } from '../declare.ts'

export type Attempt = 'dry-run' | 'apply'

/** Text without what a caller knows to be secret: values of substitutions, decrypted values. */
export type Mask = (text: string) => string

/**
 * What a failed call says about an object, in the words of contract 4.8; `unreachable` where it says something about the
 * API server. Anything that is no KubeError comes back as it is.
 */
export function explainRefusal(error: unknown, { desired, attempt, mask }: { desired: Desired; attempt: Attempt; mask: Mask }): unknown {
  if (!(error instanceof KubeError)) return error
  const { ref } = desired
  const words = mask(maskWords(wordsOf(error), desired))
  const retry = error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }
  if (isTrouble(error)) return new ApplyError(`${showObject(ref)} ${attempt} failed: ${words}`, { code: 'unreachable', refs: [ref], cause: error, ...retry })
  return new ApplyError(refusalText(error, desired, { attempt, words }), { code: error.code === 'not-served' ? 'no-kind' : 'refused', refs: [ref], cause: error })
}

function refusalText(error: KubeError, { ref }: Desired, { attempt, words }: { attempt: Attempt; words: string }): string {
  if (attempt === 'apply') return `${showObject(ref)} apply failed: ${words}`
  if (error.code === 'not-found') return ref.namespace === '' ? `${showObject(ref)} namespace not specified: ${words}` : `${showObject(ref)} not found: ${words}`
  const reason = error.reason ?? ''
  return `${showObject(ref)} dry-run failed${reason === '' ? '' : ` (${reason})`}: ${words}`
}

/** No such kind is served: the API server was not even asked about the object. */
export function noKind({ ref }: Desired): ApplyError {
  const apiVersion = ref.group === '' ? ref.version : `${ref.group}/${ref.version}`
  return new ApplyError(`${showObject(ref)} dry-run failed: no matches for kind "${ref.kind}" in version "${apiVersion}"`, { code: 'no-kind', refs: [ref] })
}

/** A fact about the API server or the way to it, none about the object. A webhook that fails is one about the object. */
export function isTrouble(error: KubeError): boolean {
  const verdict = troubles[error.code]
  return verdict === 'unless-webhook' ? !/webhook/.test(error.message) : verdict
}

const troubles: Readonly<Record<KubeErrorCode, boolean | 'unless-webhook'>> = {
  unauthorized: true,
  throttled: true,
  timeout: true,
  unreachable: true,
  gone: true,
  fenced: true,
  aborted: true,
  config: true,
  server: 'unless-webhook',
  'not-found': false,
  'not-served': false,
  conflict: false,
  'already-exists': false,
  invalid: false,
  forbidden: false,
  'bad-request': false,
  'method-not-allowed': false,
  unsupported: false,
  'too-large': false,
}

/**
 * - `immutable`: the update asks for what no update may change.
 * - `perhaps`: invalid for a reason that may be that one, or a plain mistake in the object.
 */
export function immutability(error: KubeError): 'immutable' | 'perhaps' | 'no' {
  const texts = [error.message, ...error.causes.map(({ message = '' }) => message)]
  if (texts.some((text) => immutableWords.test(text))) return 'immutable'
  return error.code === 'invalid' ? 'perhaps' : 'no'
}

const immutableWords =
  /is immutable|immutable field|immutable after|may not change once set|may not be changed|may not be updated|cannot be changed|can't be changed|updates to \w+ spec for fields other than/i

/** The API server's own words: what stands before them names a request that nobody made by hand. */
export function wordsOf(error: KubeError): string {
  if (error.status === undefined) return error.message
  const end = error.message.indexOf(': ')
  return end < 0 ? error.message : error.message.slice(end + 2)
}

function maskWords(words: string, desired: Desired): string {
  const { kind, group, version } = desired.ref
  if (!isSecret({ kind, apiVersion: group === '' ? version : `${group}/${version}` })) return words
  const decoded = decodeObject(parseJson(desired.body.toString()))
  return decoded.ok ? maskSecret(words, decoded.object) : '(hidden)'
}
