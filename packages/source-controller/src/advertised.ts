/** The address in artifact URLs: what was asked for; else where it is served, by a name that others can reach (contract 2.4). */
export function advertisedAddress(asked: string, served: string, hostname: string | undefined): string {
  if (asked !== '') return asked
  const { host, port } = splitAddress(served)
  const isEverywhere = host === '' || host === '0.0.0.0' || host === '[::]' || host === '::'
  if (!isEverywhere) return served
  return `${hostname ?? 'localhost'}:${port}`
}

function splitAddress(address: string): { readonly host: string; readonly port: string } {
  const colon = address.lastIndexOf(':')
  return { host: address.slice(0, Math.max(0, colon)), port: address.slice(colon + 1) }
}
