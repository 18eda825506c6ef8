/**
 * Compares resourceVersions as integers of any size: negative when a is older. Texts that are none (as some aggregated servers
 * give) compare as older than everything.
 */
export function compareResourceVersions(a: string | undefined, b: string | undefined): number {
  const [left, right] = [digitsOf(a), digitsOf(b)]
  if (left.length !== right.length) return left.length - right.length
  if (left === right) return 0
  return left < right ? -1 : 1
}

function digitsOf(text: string | undefined): string {
  return text !== undefined && /^\d+$/.test(text) ? text.replace(/^0+/, '') : ''
}
