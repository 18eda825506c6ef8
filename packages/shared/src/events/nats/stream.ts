import { DiscardPolicy, JetStreamApiCodes, JetStreamApiError, RetentionPolicy, StorageType } from '@nats-io/jetstream'
import type { JetStreamManager, StreamInfo } from '@nats-io/jetstream'
import { nanos } from '@nats-io/transport-node'
import { allSubjects } from '../subject.ts'

export const streamName = 'WEIR'

export interface StreamLimits {
  /** Default 7 days. */
  readonly maxAgeMs?: number
  /** Default 1 GiB. */
  readonly maxBytes?: number
}

const dayMs = 86_400_000
const duplicateWindowMs = 120_000
const nameInUse = 10_058

/** The stream's state. The first to connect creates it; one that exists is never altered, whatever its settings. */
export async function ensureStream(manager: JetStreamManager, limits: StreamLimits): Promise<StreamInfo> {
  try {
    return await manager.streams.info(streamName)
  } catch (error) {
    if (!isStreamMissing(error)) throw error
  }
  try {
    return await manager.streams.add({
      name: streamName,
      description: 'Events of Weir: the audit log',
      subjects: [allSubjects],
      storage: StorageType.File,
      retention: RetentionPolicy.Limits,
      discard: DiscardPolicy.Old,
      max_age: nanos(limits.maxAgeMs ?? 7 * dayMs),
      max_bytes: limits.maxBytes ?? 1024 ** 3,
      duplicate_window: nanos(Math.min(duplicateWindowMs, limits.maxAgeMs ?? duplicateWindowMs)),
      num_replicas: 1,
    })
  } catch (error) {
    const lostTheRace = error instanceof JetStreamApiError && error.code === nameInUse
    if (!lostTheRace) throw error
    return manager.streams.info(streamName)
  }
}

export function isStreamMissing(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound
}
