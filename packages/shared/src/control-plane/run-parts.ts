import { join } from 'node:path'
import type { PartName } from './control-plane.ts'
import { ControlPlaneError } from './control-plane-error.ts'
import { argsOf } from './parts.ts'
import type { Layout } from './parts.ts'
import { startChild } from './processes/child.ts'
import type { Child } from './processes/child.ts'
import type { RunFolder } from './processes/run-folder.ts'

/** The running parts of one control plane. */
export interface Parts {
  start(part: PartName): Promise<Child>
  /** Undefined while it does not run. */
  running(part: PartName): Child | undefined
  log(part: PartName): string
  end(part: PartName, graceMs: number): Promise<void>
  /** The end of what its latest process logged. */
  lastWords(part: PartName): Promise<string>
}

export interface PartsOptions {
  readonly folder: RunFolder
  readonly binaries: Readonly<Partial<Record<PartName, string>>>
  readonly layout: Layout
  readonly onCrash?: CrashListener | undefined
}

/** Told of a part that ended though nobody asked it to, and how: `exit 1`, `SIGKILL`. */
export type CrashListener = (part: PartName, how: string) => void

export function createParts({ folder, binaries, layout, onCrash }: PartsOptions): Parts {
  const asked = new Set<Child>()
  const children = new Map<PartName, Child>()
  const log = (part: PartName): string => join(folder.dir, 'logs', `${part}.log`)
  const running = (part: PartName): Child | undefined => {
    const child = children.get(part)
    return child === undefined || child.hasEnded() ? undefined : child
  }
  return {
    running,
    log,
    async start(part) {
      const binary = binaries[part]
      if (binary === undefined) throw new ControlPlaneError('unsupported', `${part} is no part of this fleet`)
      const child = await startChild({ name: part, binary, args: argsOf(part, layout), folder, logFile: log(part) })
      children.set(part, child)
      void child.ended.then((how) => {
        if (!asked.has(child)) onCrash?.(part, how)
      })
      return child
    },
    async lastWords(part) {
      const output = await children.get(part)?.output()
      return (output ?? '').trimEnd().split('\n').slice(-4).join('\n')
    },
    async end(part, graceMs) {
      const child = running(part)
      if (child === undefined) return
      asked.add(child)
      await child.end(graceMs)
    },
  }
}
