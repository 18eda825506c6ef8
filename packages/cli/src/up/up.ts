import type { ConnectionFlags } from '../connection/find-connection.ts'
import { CliError, exitCodes, type ExitCode } from '../exit-codes.ts'
import type { World } from '../world.ts'

export interface UpRequest extends ConnectionFlags {
  /** Run although others look after the cluster. */
  readonly beside: boolean
  /** Where the leases are, with a given cluster. */
  readonly namespace?: string
  /** Where an own cluster is kept. */
  readonly dir?: string
  /** For the controllers, as they are. */
  readonly controllerFlags: readonly string[]
}

/** `weir up`: on the cluster that is named, else on one of its own. An ambient KUBECONFIG is not read: that would be a surprise. */
export async function runUp(request: UpRequest, world: World): Promise<ExitCode> {
  refuseMixed(request)
  if (request.kubeconfig === undefined) {
    const { upOnOwnCluster } = await import('./own-cluster.ts')
    return upOnOwnCluster(request, world)
  }
  const { upOnCluster } = await import('./given-cluster.ts')
  return upOnCluster(request, world)
}

function refuseMixed({ kubeconfig, context, namespace, beside, dir }: UpRequest): void {
  const needs = [
    ['--context', context !== undefined],
    ['--namespace', namespace !== undefined],
    ['--beside', beside],
  ] as const
  const alone = kubeconfig === undefined ? needs.find(([, given]) => given) : undefined
  if (alone !== undefined) throw new CliError(exitCodes.usage, `${alone[0]} says something about a given cluster: name it with --kubeconfig FILE`)
  if (kubeconfig !== undefined && dir !== undefined) throw new CliError(exitCodes.usage, '--dir keeps a cluster of its own: it goes without --kubeconfig')
}
