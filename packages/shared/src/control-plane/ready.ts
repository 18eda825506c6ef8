import { waitUntil } from './api-client.ts'
import type { PartName } from './control-plane.ts'
import { ControlPlaneError } from './control-plane-error.ts'
import { partsOf } from './parts.ts'
import type { Run } from './run.ts'
import { isFleetReady } from './seed.ts'

const readyDeadlineMs = 120_000

/** Resolves when the API server answers, and for what it reads from etcd: its own report is late to miss a restarted one. */
export async function waitForApi(run: Run, signal?: AbortSignal): Promise<void> {
  const isReady = async (): Promise<boolean> => {
    await refuseEnded(run, ['etcd', 'kube-apiserver'])
    return answers(run, '/readyz', [200])
      .then(async (isReady) => isReady && (await answers(run, '/api/v1/namespaces/default', [200, 404])))
      .catch(() => false)
  }
  await waitUntil(isReady, { what: 'the API server', deadlineMs: readyDeadlineMs, signal })
}

async function answers(run: Run, path: string, expected: readonly number[]): Promise<boolean> {
  const { status } = await run.api.call('GET', path)
  return expected.includes(status)
}

/** Resolves when pods can run. */
export async function waitForFleet(run: Run, signal?: AbortSignal): Promise<void> {
  const isReady = async (): Promise<boolean> => {
    await refuseEnded(run, partsOf(run.layout.fleet))
    return isFleetReady(run.api)
  }
  await waitUntil(isReady, { what: 'the simulated node', deadlineMs: readyDeadlineMs, everyMs: 100, signal })
}

/** What ended will not become ready. */
async function refuseEnded(run: Run, parts: readonly PartName[]): Promise<void> {
  const ended = parts.find((part) => run.parts.running(part) === undefined)
  if (ended === undefined) return
  throw new ControlPlaneError('start', `${ended} ended: ${await run.parts.lastWords(ended)}`)
}
