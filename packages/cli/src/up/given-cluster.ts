import type { Kind } from '@weir/shared/api'
import type { ConfigSource, Kube } from '@weir/shared/kube'
import { connect } from '../connection/connect.ts'
import { findConnection } from '../connection/find-connection.ts'
import type { ExitCode } from '../exit-codes.ts'
import type { World } from '../world.ts'
import { runBoth } from './controllers.ts'
import { createMissingDefinitions } from './definitions.ts'
import { refuseOccupied } from './occupants.ts'
import type { UpRequest } from './up.ts'
import { withWorkFolder } from './work-folder.ts'

const namespaceKind: Kind = { group: '', version: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false }

/** Where Flux keeps its leases: those of Weir beside it must be the same ones. */
const fluxNamespace = 'flux-system'
const ownNamespace = 'weir-system'

/** Both controllers on this machine, looking after a cluster that somebody else runs. */
export async function upOnCluster(request: UpRequest, world: World): Promise<ExitCode> {
  const source = findConnection(request, world.env)
  const namespace = await prepare(source, request, world)
  const ready = world.terminal.paint('green', 'Weir is ready. Ctrl-C ends it; the objects and definitions stay.')
  return withWorkFolder(world.terminal, (folder) =>
    runBoth({ connection: source, folder, argv: ['--enable-leader-election', ...request.controllerFlags], namespace, onReady: () => world.terminal.print(ready) }, world),
  )
}

/** Everything that is decided before the first controller starts. Resolves to the namespace of the leases. */
async function prepare(source: ConfigSource, request: UpRequest, { terminal, stop: signal, now }: World): Promise<string> {
  const { kube, config } = await connect(source)
  try {
    terminal.print(`Cluster ${config.server}, context ${config.context}`)
    if (request.beside) terminal.print('Other controllers are not looked for (--beside): the leases decide who works.')
    else await refuseOccupied(kube, { signal, now: now() })
    const { created, kept } = await createMissingDefinitions(kube, signal)
    if (created.length > 0) terminal.print(`Created ${created.join(', ')}`)
    if (kept.length > 0) terminal.print(`Left as they are: ${kept.join(', ')}`)
    const namespace = request.namespace ?? (await chooseNamespace(kube, signal))
    if (await createNamespace(kube, namespace, signal)) terminal.print(`Created namespace ${namespace} for the leases`)
    terminal.print(`Leases are taken in namespace ${namespace}`)
    return namespace
  } finally {
    await kube.close()
  }
}

async function chooseNamespace(kube: Kube, signal: AbortSignal): Promise<string> {
  const flux = await kube.get({ resource: namespaceKind, namespace: '', name: fluxNamespace }, { signal })
  return flux === undefined ? ownNamespace : fluxNamespace
}

/** Whether it was missing. */
async function createNamespace(kube: Kube, name: string, signal: AbortSignal): Promise<boolean> {
  if ((await kube.get({ resource: namespaceKind, namespace: '', name }, { signal })) !== undefined) return false
  await kube.create(namespaceKind, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }, { manager: 'weir', signal })
  return true
}
