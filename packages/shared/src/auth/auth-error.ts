/**
 * `invalid`: the Secret or URL cannot be used as it is. `missing`: a key or the whole Secret is absent. `provider`: the
 * Secret is for another `spec.provider`. `url`: not the URL of a Git repository.
 */
export type AuthErrorCode = 'invalid' | 'missing' | 'provider' | 'url'

/** Why no login came of a Secret. Names keys, never values. */
export class AuthError extends Error {
  readonly code: AuthErrorCode

  constructor(code: AuthErrorCode, message: string) {
    super(message)
    this.name = 'AuthError'
    this.code = code
  }
}
