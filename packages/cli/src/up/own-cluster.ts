import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { customResourceDefinitions } from '@weir/shared/api/schemas'
import { grantsOf, installObjects, startControlPlane, startNats, type ControlPlane, type Installable } from '@weir/shared/control-plane'
import { decodeObject, parseYamlDocuments } from '@weir/shared/manifest'
import { CliError, exitCodes, type ExitCode } from '../exit-codes.ts'
import type { World } from '../world.ts'
import { findCheckout, waysToACluster } from './checkout.ts'
import { runBoth } from './controllers.ts'
import type { UpRequest } from './up.ts'
import { withWorkFolder } from './work-folder.ts'

/** The account that both controllers share here, with the rights that the chart gives to each. */
const account = 'weir'
const namespace = 'weir-system'

/** A control plane and a nats-server of its own, definitions and rights from the chart, both controllers. All of it ends with Ctrl-C. */
export async function upOnOwnCluster(request: UpRequest, world: World): Promise<ExitCode> {
  const checkout = findCheckout(import.meta.dirname)
  if (checkout === undefined) throw new CliError(exitCodes.noCluster, waysToACluster)
  const { terminal, stop: signal } = world
  const started = { onProgress: (line: string) => terminal.tell(line), signal }
  await using cluster = await startControlPlane({ fleet: 'full', ...started, ...(request.dir !== undefined && { dir: request.dir }) })
  const own = join(cluster.dir, 'weir')
  await using nats = await startNats({ ...started, ...(request.dir !== undefined && { dir: join(own, 'nats') }) })
  await installObjects([...customResourceDefinitions(), ...rightsOf(checkout)], { kubeconfig: cluster.kubeconfig(), signal })
  terminal.print(introduction(cluster, nats.url))
  const run = (folder: string): Promise<ExitCode> =>
    runBoth(
      {
        connection: { kubeconfig: cluster.kubeconfig(account) },
        folder,
        // With leases: another `weir up --kubeconfig` against this cluster sees that it is taken.
        argv: ['--enable-leader-election', `--nats-url=${nats.url}`, ...request.controllerFlags],
        namespace,
        onReady: () => terminal.print(terminal.paint('green', 'Weir is ready. Ctrl-C ends everything.')),
      },
      world,
    )
  // The cluster's folder goes with the cluster, and a log that says why they failed must not.
  return await (request.dir === undefined ? withWorkFolder(terminal, run) : run(own))
}

function introduction({ url, kubeconfig }: ControlPlane, natsUrl: string): string {
  return `A cluster of its own: ${url}, events on ${natsUrl}. Its nodes are simulated: Pods are ready without running.

In another terminal:
  export KUBECONFIG=${kubeconfig()}
  kubectl apply -f FILE                                   a GitRepository and a Kustomization; examples/fleet/clusters/demo has some,
                                                          put the address of your repository into spec.url first
  npm run --silent weir -- get --watch                    how they stand
  npm run --silent weir -- why kustomization/NAME         why one is not ready, and what to do
`
}

/** What the chart gives to each controller, to the one account. */
function rightsOf(checkout: string): readonly Installable[] {
  const folder = join(checkout, 'charts', 'weir', 'rbac')
  const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'))
  const roles = files.flatMap((name) => parseYamlDocuments(readFileSync(join(folder, name), 'utf8'), { dialect: 'kyaml' }).map((document) => readRole(document, name)))
  return grantsOf(account, roles, 'cluster-admin')
}

function readRole(document: unknown, file: string): Installable {
  const decoded = decodeObject(document)
  if (!decoded.ok) throw new Error(`charts/weir/rbac/${file}: ${decoded.message}`)
  return decoded.object
}
