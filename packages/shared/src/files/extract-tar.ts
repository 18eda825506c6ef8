import type { TreeLimits } from './limits.ts'
import type { TreeManifest } from './tree.ts'

export interface ExtractOptions {
  readonly limits?: Partial<TreeLimits>
  /** Default true. */
  readonly gzip?: boolean
  /** `refuse` (default, what consumers of artifacts do) or `keep`: a backslash is an ordinary byte in a Git path. */
  readonly backslash?: 'refuse' | 'keep'
  readonly signal?: AbortSignal
}

export async function extractTar(source: AsyncIterable<Uint8Array>, into: string, options: ExtractOptions = {}): Promise<TreeManifest> {
  throw new Error(`extractTar ${into} ${String(source)} ${String(options)}: not built yet`)
}
