/** Says whether a path (relative, `/`-separated) goes into the archive. Directories that are left out are still walked. */
export type Keep = (path: string, kind: 'file' | 'directory') => boolean

export interface PackOptions {
  readonly keep?: Keep
  readonly signal?: AbortSignal
}

export function packTree(directory: string, options: PackOptions = {}): AsyncIterable<Buffer> {
  throw new Error(`packTree ${directory} ${String(options)}: not built yet`)
}
