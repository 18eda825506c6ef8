/**
 * Fields that Flux declares because its Go types hold them, though nobody wrote them: what docs/adr/0011 tells. Patterns over
 * `Kind/namespace/name f:field …`.
 */
const zeroValues: readonly RegExp[] = []

/** What is left of lost fields once those are taken away that no manifest declares. */
export function withoutZeroValues(paths: readonly string[]): readonly string[] {
  return paths.filter((path) => !zeroValues.some((pattern) => pattern.test(path)))
}
