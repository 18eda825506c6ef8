import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { grantsOf, installObjects } from '@weir/shared/control-plane'
import type { Cluster, Installable } from '@weir/shared/control-plane'
import { parseYamlDocuments } from '@weir/shared/manifest'

export interface InstallChartOptions {
  /** Controllers that get the rights the chart gives them. Default: none, definitions only. */
  readonly controllers?: readonly string[]
}

const chart = join(import.meta.dirname, '../../../../charts/weir')

/** Installs what the chart installs beside the controllers: the definitions, and the rights of those named. */
export async function installChart(cluster: Cluster, { controllers = [] }: InstallChartOptions = {}): Promise<void> {
  const definitions = readdirSync(join(chart, 'crds')).flatMap((name) => readObjects(join(chart, 'crds', name)))
  const grants = controllers.flatMap((controller) => {
    const roles = [`${controller}.yaml`, 'lease.yaml'].flatMap((name) => readObjects(join(chart, 'rbac', name)))
    return grantsOf(controller, roles, controller === 'kustomize-controller' ? 'cluster-admin' : undefined)
  })
  await installObjects([...definitions, ...grants], { kubeconfig: cluster.kubeconfig() })
}

function readObjects(path: string): readonly Installable[] {
  return parseYamlDocuments(readFileSync(path, 'utf8'), { dialect: 'kyaml' }) as readonly Installable[]
}
