import { appendFile, mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { ControllerName } from '../platform.ts'
import type { Allowance, Point, Series } from './flat.ts'
import { controllers, type Rig } from './rig.ts'
import { readChildren, readFolderMiB, readHeld, readSample, type Held, type Sample } from './sample.ts'

/** What is judged of the moments of rest, and what each may grow by; README.md has the reasons. */
export const allowances = {
  rssMiB: { absolute: 8, relative: 0.1 },
  heapMiB: { absolute: 2, relative: 0.05 },
  externalMiB: { absolute: 4, relative: 0.1 },
  files: { absolute: 6, relative: 0 },
  sockets: { absolute: 6, relative: 0 },
  timers: { absolute: 6, relative: 0 },
  resources: { absolute: 8, relative: 0 },
  liveTimers: { absolute: 8, relative: 0 },
} as const satisfies Readonly<Record<string, Allowance>>
export type Measure = keyof typeof allowances

/** Resident memory is judged at work too, where the collector runs when it likes. */
const atWork: Allowance = { absolute: 16, relative: 0.1 }

/** An engine process may take so much. It ends after an idle minute, so that a rest finds none, one or two: their sum says nothing. */
export const mostEngineMiB = 62

type Children = Awaited<ReturnType<typeof readChildren>>

/** One line of the record: everything known of one moment. */
export interface Line {
  /** Since the whole fleet was ready. */
  readonly atMs: number
  /** Nobody did anything for a while: what is held now is held for no work. */
  readonly isRest: boolean
  readonly controllers: Readonly<Record<ControllerName, Sample & Partial<Held> & { readonly children?: Children }>>
  /** Ready, of all Kustomizations. */
  readonly ready: number
  readonly commits: number
  readonly faults: number
  /** At rest: of the folders that grow by nature (etcd, logs), and of those that must not (store, cache). */
  readonly diskMiB?: Readonly<Record<string, number>>
}

export interface Recorder {
  /** At rest it asks for what is left after a garbage collection too, and measures the disk. */
  take(facts: Pick<Line, 'atMs' | 'isRest' | 'ready' | 'commits' | 'faults'>): Promise<Line>
  lines(): readonly Line[]
}

export async function startRecorder(rig: Rig, file: string): Promise<Recorder> {
  await mkdir(path.dirname(file), { recursive: true })
  await writeFile(file, '')
  const lines: Line[] = []
  return {
    lines: () => lines,
    async take(facts) {
      const [source, kustomize] = await Promise.all(controllers.map((name) => readController(rig, name, facts.isRest)))
      if (source === undefined || kustomize === undefined) throw new Error('two controllers are read')
      const disk = facts.isRest ? { diskMiB: await readDisk(rig) } : {}
      const line: Line = { ...facts, controllers: { 'source-controller': source, 'kustomize-controller': kustomize }, ...disk }
      lines.push(line)
      await appendFile(file, `${JSON.stringify(line)}\n`)
      return line
    },
  }
}

async function readController({ flow: { platform }, probeFile }: Rig, name: ControllerName, isRest: boolean): Promise<Line['controllers'][ControllerName]> {
  const running = platform.controller(name)
  const sample = await readSample(running) // before the collection, which changes what is resident
  const children = name === 'kustomize-controller' ? { children: await readChildren(running.pid) } : {} // the other one's are git, which come and go
  return { ...sample, ...children, ...(isRest ? await readHeld(running.pid, probeFile(name)) : {}) }
}

async function readDisk({ flow: { platform } }: Rig): Promise<Readonly<Record<string, number>>> {
  const folders = { store: platform.storagePath, cache: path.join(platform.dir, 'cache'), logs: path.join(platform.dir, 'logs'), controlPlane: platform.cluster.dir }
  return Object.fromEntries(await Promise.all(Object.entries(folders).map(async ([name, folder]) => [name, Math.round(await readFolderMiB(folder))] as const)))
}

/** What was recorded, by controller and measure; what a controller does not tell is no series. */
export function seriesOf(lines: readonly Line[]): readonly Series[] {
  const [rest, work] = [lines.filter(({ isRest }) => isRest), lines.filter(({ isRest }) => !isRest)]
  return controllers.flatMap((name) => {
    const read = (from: readonly Line[], measure: Measure): readonly Point[] =>
      from.flatMap(({ atMs, controllers: { [name]: found } }) => (found[measure] === undefined ? [] : [{ atMs, value: found[measure] }]))
    const atRest = (Object.keys(allowances) as Measure[]).map((measure) => ({ measure: `${name} ${measure}`, allowed: allowances[measure], points: read(rest, measure) }))
    return [...atRest.filter(({ points }) => points.length > 0), { measure: `${name} rssMiB at work`, allowed: atWork, points: read(work, 'rssMiB') }]
  })
}
