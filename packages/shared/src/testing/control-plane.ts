import { existingClusterKubeconfig, startControlPlane, useExistingCluster } from '@weir/shared/control-plane'
import type { Cluster, ControlPlane, Fleet } from '@weir/shared/control-plane'

export interface TestControlPlaneOptions {
  readonly fleet: Fleet
  /** The test stops parts, reads the audit log, or needs the server for itself. */
  readonly fresh?: boolean
}

const controllers = ['source-controller', 'kustomize-controller', 'helm-controller', 'image-automation']

/**
 * A cluster for one test file: a control plane of its own, or the one that `WEIR_TEST_KUBECONFIG` names if that will do (an
 * ambient `KUBECONFIG` is never used). Call `stop` in `afterAll`; a crash of the test ends its processes too.
 */
export function testControlPlane(options: TestControlPlaneOptions & { readonly fresh: true }): Promise<ControlPlane>
export function testControlPlane(options: TestControlPlaneOptions): Promise<Cluster>
export async function testControlPlane({ fleet, fresh = false }: TestControlPlaneOptions): Promise<Cluster> {
  const existing = existingClusterKubeconfig()
  return existing === undefined || fresh ? startControlPlane({ fleet }) : useExistingCluster({ kubeconfig: existing, users: controllers })
}
