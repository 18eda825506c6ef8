/**
 * Fields that Flux declares because its Go types hold them, though no manifest of the fleet has them: the first apply of Weir gives them up
 * (docs/adr/0011). Patterns over `Kind/namespace/name f:field …`.
 */
const zeroValues: readonly RegExp[] = [
  /^\S+ f:spec f:strategy$/,
  /^\S+ f:spec f:updateStrategy$/,
  /^\S+ f:spec f:(jobTemplate f:spec f:)?template f:spec f:containers k:\S+ f:resources$/,
  /^\S+ f:spec f:(jobTemplate f:spec f:)?template f:spec f:initContainers k:\S+ f:resources$/,
  /^CronJob\S+ f:spec f:jobTemplate f:(spec f:template f:)?metadata$/,
  /^Namespace\S+ f:spec$/,
  /^Service\S+ f:spec f:ports k:\S+ f:targetPort$/,
]

/** What is left of fields that were given up once those are taken away that no manifest declares. */
export function withoutZeroValues(paths: readonly string[]): readonly string[] {
  return paths.filter((path) => !zeroValues.some((pattern) => pattern.test(path)))
}

/** Zero values that the fleet's manifests do have: Flux's Go types drop them on the way, Weir declares them. Their value in the cluster is the same. */
export const declaredZeroValues: readonly string[] = [
  'Deployment/shop/backend f:spec f:template f:spec f:containers k:{"name":"backend"} f:env k:{"name":"EMPTY"} f:value',
  'Deployment/shop/checked f:spec f:paused',
]
