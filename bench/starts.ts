import { startControlPlane } from '@weir/shared/control-plane'
import { startFluxControllers, type FluxController } from '../e2e/flux/flux.ts'
import { startPlatform } from '../e2e/platform.ts'
import type { ScenarioOptions } from './scenario.ts'

const controllers: readonly FluxController[] = ['source-controller', 'kustomize-controller']

/** Milliseconds from the start of each process until it works, on a control plane that holds nothing. Second starts, one after the other: as in an image, what V8 compiled is there. */
export async function measureStarts({ system, onProgress, signal }: ScenarioOptions): Promise<Readonly<Record<string, number>>> {
  onProgress(`${system}: starts`)
  return system === 'weir' ? measureOurs(onProgress) : measureFlux(onProgress, signal)
}

async function measureOurs(onProgress: (line: string) => void): Promise<Readonly<Record<string, number>>> {
  await using platform = await startPlatform({ fleet: 'api', onProgress })
  const starts: Record<string, number> = {}
  for (const controller of controllers) {
    const first = await platform.start(controller)
    await first.kill('SIGTERM')
    starts[controller] = Math.round((await platform.start(controller)).startMs)
  }
  return starts
}

async function measureFlux(onProgress: (line: string) => void, signal: AbortSignal): Promise<Readonly<Record<string, number>>> {
  await using cluster = await startControlPlane({ fleet: 'api', onProgress, signal })
  await using flux = await startFluxControllers({ cluster, which: [], onProgress, signal })
  const starts: Record<string, number> = {}
  for (const controller of controllers) {
    const first = await flux.start(controller)
    await first.stop()
    starts[controller] = Math.round((await flux.start(controller)).startMs)
  }
  return starts
}
