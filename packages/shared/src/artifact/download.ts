import { rm } from 'node:fs/promises'
import type { Artifact } from '@weir/shared/api'
import { createDigester, FilesError, writeAtomic } from '@weir/shared/files'
import { HttpError, type Http } from '@weir/shared/http'
import { ArtifactError, artifactError } from './artifact-error.ts'

export interface DownloadRequest {
  readonly artifact: Artifact
  /** `algorithm:hex` that the bytes must have. */
  readonly digest: string
  readonly file: string
  readonly signal: AbortSignal
  readonly options: {
    readonly http: Http
    readonly retries?: number
    readonly maxArtifactBytes?: number
    readonly deadlineMs?: number
  }
}

const defaultRetries = 9
const defaultMaxBytes = 256 << 20
const defaultDeadlineMs = 60_000

/** Bodies that break off are rare and start again from the first byte. */
const bodyTries = 3

/** Brings an artifact's bytes into a file and verifies digest and size; gives the size. ArtifactError; the file is gone then. */
export async function download(request: DownloadRequest): Promise<number> {
  const endMs = performance.now() + (request.options.deadlineMs ?? defaultDeadlineMs)
  for (let tries = 1; ; tries++) {
    try {
      return await downloadOnce(request, Math.max(1, endMs - performance.now()))
    } catch (error) {
      await rm(request.file, { force: true })
      const isBroken = error instanceof HttpError && (error.code === 'body' || error.code === 'unreachable')
      if (isBroken && tries < bodyTries && performance.now() < endMs) continue
      throw downloadError(error, request)
    }
  }
}

async function downloadOnce({ artifact, digest, file, signal, options }: DownloadRequest, deadlineMs: number): Promise<number> {
  const maxBytes = options.maxArtifactBytes ?? defaultMaxBytes
  const { body } = await options.http.stream({ url: artifact.url, deadlineMs, maxBytes, signal, retries: options.retries ?? defaultRetries })
  const [algorithm] = digest.split(':')
  const digester = createDigester(algorithm)
  const broken: { by?: HttpError } = {}
  const measured = async function* (): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of body) {
        digester.update(chunk)
        yield chunk
      }
    } catch (error) {
      if (error instanceof HttpError) broken.by = error
      throw error
    }
  }
  await writeAtomic(file, measured()).catch((error: unknown) => {
    throw broken.by ?? error
  })
  verify(artifact, digest, { digest: digester.digest(), sizeBytes: digester.sizeBytes })
  return digester.sizeBytes
}

function verify({ path, size }: Artifact, digest: string, found: { readonly digest: string; readonly sizeBytes: number }): void {
  if (size !== undefined && size !== found.sizeBytes) throw new ArtifactError('mismatch', `artifact ${path}: size ${found.sizeBytes} is not the ${size} of its source`)
  if (digest !== found.digest) throw new ArtifactError('mismatch', `artifact ${path}: digest ${found.digest} is not the ${digest} of its source`)
}

function downloadError(error: unknown, { artifact, options }: DownloadRequest): unknown {
  const attempt = `artifact ${artifact.path}`
  if (error instanceof FilesError) return artifactError(error, attempt)
  if (!(error instanceof HttpError)) return error
  // The error itself says how much of it was left when the last try began: another number each time.
  if (error.code === 'deadline') return new ArtifactError('unreachable', `${attempt}: not downloaded within ${(options.deadlineMs ?? defaultDeadlineMs) / 1000} s`, { cause: error })
  return new ArtifactError(codeOf(error), `${attempt}: ${error.message}`, { cause: error })
}

function codeOf(error: HttpError): ArtifactError['code'] {
  if (error.code === 'aborted') return 'aborted'
  if (error.code === 'too-large') return 'too-large'
  return error.status === 404 || error.status === 410 ? 'not-found' : 'unreachable'
}
