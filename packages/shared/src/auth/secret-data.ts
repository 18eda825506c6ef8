import { AuthError } from './auth-error.ts'

/** A Secret's `data` as the API server gives it: base64 by key. */
export type SecretData = Readonly<Record<string, string>>

/** Decoded values of a Secret, as UTF-8 text. */
export interface SecretValues {
  has(key: string): boolean
  /** undefined when the key is absent. */
  text(key: string): string | undefined
}

export function readSecret(data: SecretData): SecretValues {
  return {
    has: (key) => Object.hasOwn(data, key),
    text(key) {
      if (!Object.hasOwn(data, key)) return undefined
      const encoded: unknown = data[key]
      if (typeof encoded !== 'string') throw new AuthError('invalid', `key ${JSON.stringify(key)} holds no value`)
      return Buffer.from(encoded, 'base64').toString('utf8')
    },
  }
}
