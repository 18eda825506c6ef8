import { z } from 'zod'
import { int64, timestamp } from './shape.ts'

const digestPattern = /^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/

/** What a source stored, as every source kind reports it. */
export const artifactSchema = z.object({
  digest: z.string().regex(digestPattern).describe('Digest of the stored file, as `algorithm:hex`.'),
  lastUpdateTime: timestamp().describe('When the file was stored.'),
  metadata: z.record(z.string(), z.string()).optional().describe('Facts about the origin of the content, such as the revision it was made from.'),
  path: z.string().describe('Path of the file below the root of the artifact store.'),
  revision: z.string().describe('Human-readable version of the content, such as `main@sha1:…`.'),
  size: int64().optional().describe('Size of the stored file in bytes.'),
  url: z.string().describe('Where the file can be fetched over HTTP.'),
})
