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
  if (error.code === 'not-found') return `${showObject(ref)} not found: ${words}`
  const reason = error.reason ?? ''
  return `${showObject(ref)} dry-run failed${reason === '' ? '' : ` (${reason})`}: ${words}`
}

/** No such kind is served: the API server was not even asked about the object. */
export function noKind({ ref }: Desired): ApplyError {
  const apiVersion = ref.group === '' ? ref.version : `${ref.group}/${ref.version}`
  return new ApplyError(`${showObject(ref)} dry-run failed: no matches for kind "${ref.kind}" in version "${apiVersion}"`, { code: 'no-kind', refs: [ref] })
}

/**
 * Its kind was not served when it was declared, and is by now: it kept a namespace that no object of the kind has, and would be written
 * under an id that is not its own. Declared again it has the right one.
 */
export function misnamed({ ref }: Desired): ApplyError {
  return new ApplyError(`${showObject(ref)} dry-run failed: no matches for kind "${ref.kind}" when it was declared`, { code: 'no-kind', refs: [ref] })
}

/** The API server answers this with a 404 that names nothing. */
export function noNamespace({ ref }: Desired): ApplyError {
  return new ApplyError(`${showObject(ref)} namespace not specified: the server could not find the requested resource`, { code: 'refused', refs: [ref] })
}

/** A fact about the API server or the way to it, none about the object. */
export function isTrouble(error: KubeError): boolean {
  const verdict = troubles[error.code]
  return verdict === 'unless-about-object' ? !aboutObject.test(error.message) : verdict
}

/** What the API server answers with 500 though it says something about the object: a wrong type in an apply, a webhook that fails. */
const aboutObject = /webhook|failed to create (typed|manager for)|typed patch|conversion|failed to convert|unmarshal/

const troubles: Readonly<Record<KubeErrorCode, boolean | 'unless-about-object'>> = {
  unauthorized: true,
  throttled: true,
  timeout: true,
  unreachable: true,
  gone: true,
  fenced: true,
  aborted: true,
  config: true,
  server: 'unless-about-object',
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
 * The update asks for what no update may change, or for what is invalid anyway: the API server says Invalid to both. Some
 * refuse with other codes and these words (webhooks, policies).
 */
export function mayBeImmutable(error: KubeError): boolean {
  return error.code === 'invalid' || /is immutable|immutable field/.test(error.message)
}

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
