import type { Kube, KubeObject } from '@weir/shared/kube'
import { colourOf, shortRevision } from '../get/columns.ts'
import { rowOf, type Row } from '../get/row.ts'
import { follow } from '../objects/follow.ts'
import { listedKinds } from '../objects/kinds.ts'
import { cut } from '../printable.ts'
import type { World } from '../world.ts'

/** A line whenever an object becomes ready, fails, or reaches another revision, until the signal. */
export async function showProgress(kube: Pick<Kube, 'watch'>, { terminal, now }: World, signal: AbortSignal): Promise<void> {
  const shown = new Map<string, string>()
  const show = (object: KubeObject, change: 'changed' | 'deleted'): void => {
    const row = rowOf(object, now())
    const key = `${row.namespace}/${row.object}`
    const line = change === 'deleted' ? 'deleted' : `${row.ready} ${row.revision} ${row.message}`
    const isNew = row.reason === '-' && change === 'changed' // no controller has said anything about it
    if (isNew || shown.get(key) === line) return
    shown.set(key, line)
    terminal.print(progressLine(row, { change, at: new Date(now()), columns: terminal.columns(), paint: terminal.paint }))
  }
  await follow(kube, {
    kinds: listedKinds,
    signal,
    onStart: (objects) => objects.forEach((object) => show(object, 'changed')),
    onChange: show,
    onTrouble: (error) => terminal.tell(`weir: ${error.message}`),
  })
}

export interface ProgressOptions {
  readonly change: 'changed' | 'deleted'
  readonly at: Date
  readonly columns: number | undefined
  readonly paint: World['terminal']['paint']
}

const words: Readonly<Record<Row['ready'], string>> = { True: 'ready', False: 'not ready', Unknown: 'working' }

/** Pure: `12:01:03  Kustomization/apps (staging)  ready  main@sha1:1a2b3c4d  Applied revision: …`. */
export function progressLine(row: Row, { change, at, columns, paint }: ProgressOptions): string {
  const time = at.toTimeString().slice(0, 8)
  const [kind = '', name = ''] = row.object.split('/')
  const word = change === 'deleted' ? 'deleted' : words[row.ready]
  const head = `${time}  ${`${kind}/${row.namespace}/${name}`.padEnd(40)}  `
  const rest = change === 'deleted' ? '' : `  ${row.revision === '-' ? '' : `${shortRevision(row.revision)}  `}${row.message}`
  const left = columns === undefined ? rest : cut(rest, Math.max(columns - head.length - word.length, 20))
  return `${head}${paint(change === 'deleted' ? 'dim' : colourOf(row), word)}${left}`.trimEnd()
}
