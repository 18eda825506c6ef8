import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'

/** One answered call. */
export interface AuditEntry {
  /** `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`; lower-case HTTP method of a call that is no resource. */
  readonly verb: string
  /** '' for a call that is no resource, such as discovery. */
  readonly group: string
  readonly resource: string
  readonly subresource: string
  readonly namespace: string
  readonly name: string
  readonly user: string
  readonly userAgent: string
  /** HTTP status. */
  readonly code: number
  /** With the query: `dryRun=All` and `fieldManager` are seen here. */
  readonly requestUri: string
  readonly startedAt: Date
  /** For a watch: when it began to answer. */
  readonly answeredAt: Date
}

export interface AuditTail {
  /** The calls since the last take, or since the tail was made. A call appears a moment after its answer. */
  take(): Promise<readonly AuditEntry[]>
}

/** Every call in an audit log, once. */
export async function readAuditLog(path: string): Promise<readonly AuditEntry[]> {
  return (await readEntriesFrom(path, 0)).entries
}

/** Follows an audit log from its present end; a partial last line waits for its rest. */
export async function tailAuditLog(path: string): Promise<AuditTail> {
  const state = { offset: await sizeOf(path) }
  return {
    async take() {
      const { entries, offset } = await readEntriesFrom(path, state.offset)
      state.offset = offset
      return entries
    },
  }
}

/** No entry for a line that repeats a call. Exported for its test. */
export function parseAuditLine(line: string): readonly AuditEntry[] {
  const event: unknown = JSON.parse(line)
  if (!isRecord(event) || isRepeated(event)) return []
  const object = recordAt(event, 'objectRef')
  return [
    {
      verb: textAt(event, 'verb'),
      group: textAt(object, 'apiGroup'),
      resource: textAt(object, 'resource'),
      subresource: textAt(object, 'subresource'),
      namespace: textAt(object, 'namespace'),
      name: textAt(object, 'name'),
      user: textAt(recordAt(event, 'user'), 'username'),
      userAgent: textAt(event, 'userAgent'),
      code: Number(recordAt(event, 'responseStatus')['code'] ?? 0),
      requestUri: textAt(event, 'requestURI'),
      startedAt: new Date(textAt(event, 'requestReceivedTimestamp')),
      answeredAt: new Date(textAt(event, 'stageTimestamp')),
    },
  ]
}

/**
 * A long-running call is logged when it starts to answer and again when it ends. A watch counts when it starts, as it may
 * never end; all others count when they end, except a refused login, which is logged as started only.
 */
function isRepeated(event: Readonly<Record<string, unknown>>): boolean {
  const isWatch = event['verb'] === 'watch'
  const code = Number(recordAt(event, 'responseStatus')['code'] ?? 0)
  switch (event['stage']) {
    case 'ResponseStarted':
      return !isWatch && code !== 401
    case 'ResponseComplete':
      return isWatch && code === 200
    default:
      return event['stage'] !== 'Panic'
  }
}

const chunkBytes = 8 * 1024 * 1024

interface ReadSoFar {
  readonly entries: readonly AuditEntry[]
  /** Where the first unfinished line starts. */
  readonly offset: number
}

/** In pieces: the log of a large fleet is longer than a string may be. */
async function readEntriesFrom(path: string, from: number): Promise<ReadSoFar> {
  const size = await sizeOf(path)
  if (size <= from) return { entries: [], offset: from }
  const entries: AuditEntry[] = []
  const state: { offset: number; pending: Buffer } = { offset: from, pending: Buffer.alloc(0) }
  for await (const chunk of createReadStream(path, { start: from, end: size - 1, highWaterMark: chunkBytes })) {
    const bytes: Buffer = Buffer.concat([state.pending, chunk])
    const end = bytes.lastIndexOf(0x0a) + 1
    const lines = bytes.subarray(0, end).toString('utf8').split('\n')
    for (const line of lines) if (line !== '') entries.push(...parseAuditLine(line))
    state.offset += end
    state.pending = bytes.subarray(end)
  }
  return { entries, offset: state.offset }
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then((found) => found.size, () => 0)
}

function recordAt(record: Readonly<Record<string, unknown>>, key: string): Readonly<Record<string, unknown>> {
  const value = record[key]
  return isRecord(value) ? value : {}
}

function textAt(record: Readonly<Record<string, unknown>>, key: string): string {
  const value = record[key]
  return typeof value === 'string' ? value : ''
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
