/** A template that cannot be read, a variable without a value, or a cut through a character. Holds no values. */
export class SubstitutionError extends Error {
  readonly code = 'substitution'
  override readonly name = 'SubstitutionError'
}
