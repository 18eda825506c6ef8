import { ControlPlaneError, type ControlPlaneErrorCode } from '@weir/shared/control-plane'
import { KubeError, type KubeErrorCode } from '@weir/shared/kube'
import { redact } from '@weir/shared/telemetry'
import { exitCodes, type ExitCode } from './exit-codes.ts'

/** The way to the cluster is the trouble, not what was asked of it. */
const noCluster: ReadonlySet<KubeErrorCode> = new Set(['config', 'unreachable', 'timeout', 'unauthorized'])

/** This machine cannot make a cluster of its own. */
const noControlPlane: ReadonlySet<ControlPlaneErrorCode> = new Set(['no-go', 'no-modules', 'assets'])

export interface Explained {
  readonly message: string
  readonly exitCode: ExitCode
}

/** What a failure is called in front of a person. Anything unknown is a bug: it keeps its stack where asked for. */
export function explainError(error: unknown, { verbose }: { readonly verbose: boolean }): Explained {
  if (error instanceof KubeError) {
    return { message: error.message, exitCode: noCluster.has(error.code) ? exitCodes.noCluster : exitCodes.failed }
  }
  if (error instanceof ControlPlaneError) return { message: error.message, exitCode: noControlPlane.has(error.code) ? exitCodes.noCluster : exitCodes.failed }
  if (!(error instanceof Error)) return { message: redact(String(error)), exitCode: exitCodes.failed }
  const text = verbose ? (error.stack ?? error.message) : `${error.message} (WEIR_DEBUG=1 shows where)`
  return { message: redact(text), exitCode: exitCodes.failed }
}

/** What was under way when a person ended it says nothing about the cluster. */
export function isAbort(error: unknown, stop: AbortSignal): boolean {
  if (!stop.aborted) return false
  return error === stop.reason || (error instanceof Error && (error.name === 'AbortError' || ('code' in error && error.code === 'aborted')))
}
