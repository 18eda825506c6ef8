import { setTimeout as sleep } from 'node:timers/promises'
import type { Kube } from '@weir/shared/kube'
import type { Log } from '@weir/shared/telemetry'

/** The default of `--cluster-name`: the uid of namespace kube-system, which outlives every rename. Throws KubeError. */
export async function readClusterName(kube: Pick<Kube, 'get'>, signal?: AbortSignal): Promise<string> {
  const resource = { group: '', version: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false, verbs: ['get'], status: true }
  const found = await kube.get({ resource, namespace: '', name: 'kube-system' }, { metadataOnly: true, ...(signal && { signal }) })
  const uid = found?.metadata.uid
  if (uid === undefined) throw new Error('namespace kube-system is missing; set --cluster-name')
  return uid
}

export interface ClusterNameOptions {
  readonly kube: Pick<Kube, 'get'>
  readonly log: Log
  readonly signal: AbortSignal
  /** Doubles with each failure, up to a minute; default 1 s. */
  readonly pauseMs?: number
}

const longestPauseMs = 60_000

/** The same, asked for until there is an answer, however long the API server is away or the right to read is missing. Rejects when aborted. */
export async function untilClusterName({ kube, log, signal, pauseMs = 1_000 }: ClusterNameOptions): Promise<string> {
  for (let nextMs = pauseMs; ; nextMs = Math.min(longestPauseMs, nextMs * 2)) {
    try {
      return await readClusterName(kube, signal)
    } catch (error) {
      signal.throwIfAborted()
      log.warn('name of the cluster not read: no bus until it is, or until --cluster-name says it', { error })
    }
    await sleep(nextMs, undefined, { signal })
  }
}
