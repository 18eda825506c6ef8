import { startControlPlane } from '@weir/shared/control-plane'
import type { ControlPlane, Fleet } from '@weir/shared/control-plane'

export interface TestControlPlaneOptions {
  readonly fleet: Fleet
}

/** A control plane for one test file. Call `stop` in `afterAll`; a crash of the test ends it too. */
export async function testControlPlane({ fleet }: TestControlPlaneOptions): Promise<ControlPlane> {
  return startControlPlane({ fleet })
}
