import type { Kube, KubeObject } from '@weir/shared/kube'
import { dumpYaml } from '@weir/shared/manifest'
import { exitCodes, type ExitCode } from '../exit-codes.ts'
import { follow } from '../objects/follow.ts'
import { listedKinds } from '../objects/kinds.ts'
import type { World } from '../world.ts'
import { columnsOf } from './columns.ts'
import { withoutManagedFields } from './document.ts'
import type { Question } from './get.ts'
import { rowOf, type Row } from './row.ts'
import { headLine, measure, rowLine, type Widths } from './table.ts'

/** `weir get --watch`: what there is, then a line whenever what is shown of an object changes, until Ctrl-C. */
export async function watchObjects(kube: Kube, { subject, request }: Question, world: World): Promise<ExitCode> {
  const { terminal, stop, now } = world
  const printer = createPrinter({ subject, request }, world)
  await follow(kube, {
    kinds: subject === undefined ? listedKinds : [subject.kind],
    namespace: request.namespace,
    name: subject?.name,
    signal: stop,
    whenNothingIsListed: 'reject', // as without --watch
    onStart: (objects) => printer.start(objects, now()),
    onChange: (object, change) => printer.change(object, change),
    onTrouble: (error) => terminal.tell(`weir: ${error.message}`),
  })
  return exitCodes.ok
}

interface Printer {
  start(objects: readonly KubeObject[], now: number): void
  change(object: KubeObject, change: 'changed' | 'deleted'): void
}

function createPrinter({ request }: Question, world: World): Printer {
  const { output } = request
  if (output === 'table' || output === 'wide') return tablePrinter({ output, namespace: request.namespace }, world)
  return documentPrinter({ output, asEvents: request.outputWatchEvents === true }, world)
}

/**
 * One JSON line, or one YAML document, for every state of an object, the last one of a deleted object too: nothing in it says that it is
 * gone. As events they are what kubectl's --output-watch-events shows: `{"type": "DELETED", "object": …}`.
 */
function documentPrinter({ output, asEvents }: { readonly output: 'json' | 'yaml'; readonly asEvents: boolean }, { terminal }: World): Printer {
  const there = new Set<string>()
  const typeOf = ({ kind, metadata }: KubeObject, change: 'changed' | 'deleted'): 'ADDED' | 'MODIFIED' | 'DELETED' => {
    const key = `${kind}/${metadata.namespace}/${metadata.name}`
    const isKnown = there.delete(key)
    if (change === 'deleted') return 'DELETED'
    there.add(key)
    return isKnown ? 'MODIFIED' : 'ADDED'
  }
  const print = (object: KubeObject, change: 'changed' | 'deleted'): void => {
    const plain = withoutManagedFields(object)
    const shown = asEvents ? { type: typeOf(object, change), object: plain } : plain
    terminal.print(output === 'json' ? JSON.stringify(shown) : `---\n${dumpYaml(shown).trimEnd()}`)
  }
  return { start: (objects) => objects.forEach((object) => print(object, 'changed')), change: print }
}

function tablePrinter({ output, namespace }: { readonly output: 'table' | 'wide'; readonly namespace: string | undefined }, { terminal, now }: World): Printer {
  const columns = columnsOf({ namespaces: namespace === undefined ? 'shown' : 'hidden', wide: output }, terminal)
  const shown = new Map<string, string>()
  const state: { widths: Widths } = { widths: measure(columns, []) }
  const print = (row: Row): void => {
    shown.set(keyOf(row), fingerprint(row))
    terminal.print(rowLine(row, { columns, widths: state.widths, terminalColumns: output === 'wide' ? undefined : terminal.columns() }))
  }
  return {
    start(objects, startedMs) {
      const rows = objects.map((object) => rowOf(object, startedMs)).sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
      state.widths = measure(columns, rows)
      terminal.print(terminal.paint('bold', headLine({ columns, widths: state.widths, terminalColumns: undefined })))
      rows.forEach(print)
    },
    change(object, change) {
      const row = rowOf(object, now())
      const said = change === 'deleted' ? { ...row, message: 'deleted' } : row
      // Inventory and history move without anything to see here.
      if (shown.get(keyOf(row)) !== fingerprint(said)) print(said)
    },
  }
}

function keyOf({ namespace, object }: Row): string {
  return `${namespace}/${object}`
}

function fingerprint({ ready, revision, suspended, message }: Row): string {
  return JSON.stringify([ready, revision, suspended, message])
}
