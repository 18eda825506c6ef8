/** Shorter values would shred ordinary text when masked. */
export const minSecretLength = 6

/** A line of a longer secret (a key file, a kubeconfig) is masked on its own from this length. */
const minLineLength = 16

/** Text beyond it is cut off before it is registered: nothing that long is a password. */
const longestSecret = 64 * 1024

export interface SecretValues {
  add(secret: string): void
  /** The text with every registered value replaced. */
  mask(text: string, replacement: string): string
}

/**
 * A bounded set of values, found in text in one pass: every form is filed under its first characters, so that a text
 * costs one small look-up a character whatever the number of secrets.
 */
export function createSecretValues(limits: { readonly values: number; readonly bytes: number }): SecretValues {
  const formsOf = new Map<string, readonly string[]>() // in the order of last registration
  const index = createPrefixIndex()
  const size = { bytes: 0 }

  const forget = (secret: string): void => {
    for (const form of formsOf.get(secret) ?? []) size.bytes -= index.remove(form)
    formsOf.delete(secret)
  }
  return {
    add(given) {
      const secret = given.slice(0, longestSecret)
      if (secret.trim().length < minSecretLength) return
      const known = formsOf.get(secret)
      formsOf.delete(secret)
      formsOf.set(secret, known ?? formsIn(secret))
      if (known !== undefined) return
      for (const form of formsOf.get(secret) ?? []) size.bytes += index.add(form)
      for (const oldest of formsOf.keys()) {
        if (formsOf.size <= limits.values && size.bytes <= limits.bytes) break
        if (oldest !== secret) forget(oldest)
      }
    },
    mask: (text, replacement) => index.replace(text, replacement),
  }
}

/** How the value looks where it turns up: as it is, in a header, in a URL, in JSON, line by line. */
function formsIn(secret: string): readonly string[] {
  const trimmed = secret.trim()
  const base64 = [secret, trimmed].map((text) => Buffer.from(text).toString('base64').replace(/=+$/, ''))
  const lines = trimmed.split(/\r?\n/).map((line) => line.trim())
  const forms = [
    trimmed,
    ...base64,
    ...base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
    percentEncoded(trimmed),
    JSON.stringify(trimmed).slice(1, -1),
    ...(lines.length > 1 ? lines.filter((line) => line.length >= minLineLength && !line.startsWith('-----')) : []),
  ]
  return [...new Set(forms)].filter((form) => form.length >= minSecretLength)
}

function percentEncoded(text: string): string {
  return encodeURIComponent(text.toWellFormed())
}

interface PrefixIndex {
  /** Returns the bytes that the form takes. */
  add(form: string): number
  /** Returns the bytes that are free again. */
  remove(form: string): number
  replace(text: string, replacement: string): string
}

function createPrefixIndex(): PrefixIndex {
  const buckets = new Map<string, string[]>() // the first characters → the forms, longest first
  const uses = new Map<string, number>() // two secrets can share a form
  const firsts = new Uint32Array(256) // how many buckets start with a character of this low byte

  const matchAt = (text: string, at: number): string | undefined => {
    if (firsts[text.charCodeAt(at) & 255] === 0) return undefined
    return buckets.get(text.slice(at, at + minSecretLength))?.find((form) => text.startsWith(form, at))
  }
  const count = (form: string, by: 1 | -1): void => {
    const slot = form.charCodeAt(0) & 255
    firsts[slot] = (firsts[slot] ?? 0) + by
  }
  return {
    add(form) {
      const used = uses.get(form) ?? 0
      uses.set(form, used + 1)
      if (used > 0) return 0
      const key = form.slice(0, minSecretLength)
      buckets.set(key, [...(buckets.get(key) ?? []), form].sort((a, b) => b.length - a.length))
      count(form, 1)
      return form.length
    },
    remove(form) {
      const used = uses.get(form) ?? 0
      if (used > 1) {
        uses.set(form, used - 1)
        return 0
      }
      uses.delete(form)
      const key = form.slice(0, minSecretLength)
      const left = (buckets.get(key) ?? []).filter((other) => other !== form)
      if (left.length === 0) buckets.delete(key)
      else buckets.set(key, left)
      count(form, -1)
      return form.length
    },
    replace(text, replacement) {
      if (buckets.size === 0) return text
      const parts: string[] = []
      let kept = 0
      let at = 0
      while (at + minSecretLength <= text.length) {
        const found = matchAt(text, at)
        if (found === undefined) {
          at += 1
          continue
        }
        parts.push(text.slice(kept, at), replacement)
        at += found.length
        kept = at
      }
      return kept === 0 ? text : parts.join('') + text.slice(kept)
    },
  }
}
