import { KubeError, type Kube, type KubeObject } from '@weir/shared/kube'
import { connect } from '../connection/connect.ts'
import { findConnection, type ConnectionFlags } from '../connection/find-connection.ts'
import { CliError, exitCodes, type ExitCode } from '../exit-codes.ts'
import { findObject } from '../objects/find-object.ts'
import { listedKinds } from '../objects/kinds.ts'
import { parseSubject, type Subject } from '../objects/subject.ts'
import type { World } from '../world.ts'
import { columnsOf } from './columns.ts'
import { showDocument } from './document.ts'
import { rowOf } from './row.ts'
import { headLine, measure, rowLine, type Layout } from './table.ts'
import { watchObjects } from './watch.ts'

export type Output = 'table' | 'wide' | 'json' | 'yaml'

export interface GetRequest extends ConnectionFlags {
  /** `KIND`, `KIND/NAME` or nothing. */
  readonly words: readonly string[]
  readonly namespace?: string | undefined
  readonly output: Output
  readonly watch: boolean
  /** With `watch`, of documents: tell what happened to each object. */
  readonly outputWatchEvents?: boolean | undefined
}

/** `weir get`: what there is and how it stands. A kind that the cluster does not have has no objects. */
export async function getObjects(request: GetRequest, world: World): Promise<ExitCode> {
  const subject = parseSubject(request.words, listedKinds)
  refuseEventsOfNothing(request)
  const { kube, config } = await connect(findConnection(request, world.env))
  try {
    if (request.watch) return await watchObjects(kube, { subject, request }, world)
    const objects = await readObjects(kube, { subject, request, preferred: config.namespace, signal: world.stop })
    show(objects, { subject, request }, world)
    return exitCodes.ok
  } finally {
    await kube.close()
  }
}

/** A table says itself what was deleted. */
function refuseEventsOfNothing({ outputWatchEvents, watch, output }: GetRequest): void {
  const hasEvents = watch && (output === 'json' || output === 'yaml')
  if (outputWatchEvents === true && !hasEvents) throw new CliError(exitCodes.usage, '--output-watch-events goes with --watch and -o json or yaml')
}

export interface Question {
  readonly subject: Subject | undefined
  readonly request: GetRequest
}

interface Reading extends Question {
  readonly preferred: string | undefined
  readonly signal: AbortSignal
}

async function readObjects(kube: Kube, { subject, request, preferred, signal }: Reading): Promise<readonly KubeObject[]> {
  const { namespace } = request
  if (subject?.name !== undefined) return [await findObject(kube, { kind: subject.kind, name: subject.name, namespace, preferred, signal })]
  const kinds = subject === undefined ? listedKinds : [subject.kind]
  const options = { signal, ...(namespace !== undefined && { namespace }) }
  const lists = await Promise.all(kinds.map((kind) => kube.list(kind, options).then(({ items }) => items, noneIfNotServed)))
  if (lists.every((list) => list === undefined)) {
    throw new CliError(exitCodes.failed, `the cluster has no ${kinds.map(({ kind }) => kind).join(', ')}: the definitions are not installed`)
  }
  return lists.flatMap((items) => inOrder(items ?? []))
}

/** By namespace, then name, inside a kind. */
function inOrder(items: readonly KubeObject[]): readonly KubeObject[] {
  const key = ({ metadata }: KubeObject): string => `${metadata.namespace}/${metadata.name}`
  return items.toSorted((a, b) => (key(a) < key(b) ? -1 : 1))
}

function noneIfNotServed(error: unknown): undefined {
  if (error instanceof KubeError && error.code === 'not-served') return undefined
  throw error
}

function show(objects: readonly KubeObject[], { subject, request }: Question, { terminal, now }: World): void {
  const { output, namespace } = request
  if (output === 'json' || output === 'yaml') {
    terminal.print(showDocument(objects, { output, single: subject?.name !== undefined }))
    return
  }
  const rows = objects.map((object) => rowOf(object, now()))
  if (rows.length === 0) {
    terminal.tell(namespace === undefined ? 'there are no objects' : `there are no objects in namespace ${namespace}`)
    return
  }
  const columns = columnsOf({ namespaces: namespace === undefined ? 'shown' : 'hidden', wide: output }, terminal)
  const layout: Layout<(typeof rows)[number]> = {
    columns,
    widths: measure(columns, rows),
    terminalColumns: output === 'wide' ? undefined : terminal.columns(),
  }
  terminal.print([terminal.paint('bold', headLine(layout)), ...rows.map((row) => rowLine(row, layout))].join('\n'))
}
