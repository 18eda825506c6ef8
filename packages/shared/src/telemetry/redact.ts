import { createSecretValues, minSecretLength } from './secret-values.ts'

/** Takes secrets out of text, by shape and by value. */
export interface Redactor {
  /**
   * Registers a secret's value: from now on it, its base64, percent-encoded and JSON-escaped forms, and each long line
   * of it are masked. Values under `minSecretLength` are ignored: masking them would shred ordinary text. The registry
   * is bounded; the values not registered again for longest go first.
   */
  add(secret: string): void
  redact(text: string): string
}

export { minSecretLength }

export const mask = '***'

/** The process's registry: what one room registers, every log line, message and event masks. */
export const redactor: Redactor = createRedactor()

/**
 * Masks with `***`: user and password in URLs, Authorization headers, bearer and basic credentials, PEM private keys,
 * values of secret query parameters and `password=`-like pairs, and every registered secret.
 */
export function redact(text: string): string {
  return redactor.redact(text)
}

export function createRedactor(limits: { readonly values?: number; readonly bytes?: number } = {}): Redactor {
  const values = createSecretValues({ values: limits.values ?? 4096, bytes: limits.bytes ?? 4 * 1024 * 1024 })
  return {
    add: values.add,
    redact: (text) => redactShapes(values.mask(text, mask)),
  }
}

/** One cheap look that most text does not pass, before the patterns below. */
const suspicious = /:\/\/|@|bearer|basic|authorization|cookie|private key|passw|pwd|passphrase|token|secret|api[_-]?key|signature|credential/i

/**
 * Each pattern is linear: bounded or disjoint repetitions only, since the text may come from an attacker. A PEM key
 * whose end is missing (cut by a length limit) is masked to the end of the text.
 */
const shapes: ReadonlyArray<readonly [RegExp, string]> = [
  [/-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----(?:[^-]|-(?!----END ))*(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----)?/g, mask],
  [
    /((?:proxy-)?authorization\\?["']?\s{0,4}[:=]\s{0,4}\\?["']?)(?:(?:bearer|basic|digest|negotiate|token|aws4-hmac-sha256)\s{1,4})?[^\s"',;\\]+/gi,
    `$1${mask}`,
  ],
  [/((?:set-)?cookie\\?["']?\s{0,4}[:=]\s{0,4}\\?["']?)[^\s"',;\\]+(?:;\s{0,2}[^\s"',;\\]+)*/gi, `$1${mask}`],
  // "basic authentication failed" is no credential: one has a digit or a capital.
  [/\b((?:[Bb]earer|BEARER)\s{1,4})(?=[a-z._~+/-]*[0-9A-Z])[A-Za-z0-9._~+/-]{8,}=*/g, `$1${mask}`],
  [/\b((?:[Bb]asic|BASIC)\s{1,4})(?=[a-z+/]*[0-9A-Z])[A-Za-z0-9+/]{8,}={0,2}/g, `$1${mask}`],
  // git@ is the name of a protocol more than of a user.
  [/\b([a-z][a-z0-9+.-]{1,20}:\/\/)(?!git@)[^\s/?#"'<>]*@/gi, `$1${mask}@`],
  [
    /([?&#;](?:[a-z0-9_.-]{0,32}(?:token|secret|password|passwd|signature|credential|api[_-]?key)|auth|pwd|sig|code|jwt|key)=)[^&\s"'<>#;]+/gi,
    `$1${mask}`,
  ],
  // Quotes in a row are one value, as a doubled quote is a quote in YAML and SQL; behind a quoted one a bracket closes what it stands in.
  [
    /\b((?:[a-z0-9_.-]{0,32}(?:password|passwd|passphrase|client[_-]?secret|secret[_-]?key|api[_-]?key|access[_-]?token|refresh[_-]?token|id[_-]?token|auth[_-]?token)|pwd)\\?["']?\s{0,4}[:=]\s{0,4})(?!\*{3}[}\]])(?:(?:\\"[^"\\]*\\"|"[^"]*"|'[^']*')(?:\\"[^"\\]*\\"|"[^"]*"|'[^']*'|[^\s"',;&}\]])*|(?:\\"[^"\\]*\\"|"[^"]*"|'[^']*'|[^\s"',;&])+)/gi,
    `$1${mask}`,
  ],
]

function redactShapes(text: string): string {
  if (!suspicious.test(text)) return text
  try {
    return shapes.reduce((done, [pattern, replacement]) => done.replace(pattern, replacement), text)
  } catch (error) {
    // V8 gives up on megabytes of one value: its stack is full. Nobody knows what else is in there.
    if (error instanceof RangeError) return mask
    throw error
  }
}
