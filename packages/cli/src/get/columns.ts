import type { Terminal } from '../terminal.ts'
import type { Row } from './row.ts'
import type { Column } from './table.ts'

export interface ColumnChoice {
  /** Rows of several namespaces: say which. */
  readonly namespaces: 'shown' | 'hidden'
  readonly wide: 'wide' | 'table'
}

/** The columns of `weir get`, the message last because it is what may be cut. */
export function columnsOf({ namespaces, wide }: ColumnChoice, { paint }: Pick<Terminal, 'paint'>): readonly Column<Row>[] {
  const namespace: Column<Row> = { title: 'NAMESPACE', read: (row) => row.namespace }
  const extra: readonly Column<Row>[] = [
    { title: 'REASON', read: (row) => row.reason },
    { title: 'SOURCE', read: (row) => row.source },
  ]
  return [
    ...(namespaces === 'shown' ? [namespace] : []),
    { title: 'OBJECT', read: (row) => row.object },
    { title: 'READY', read: (row) => row.ready, paint: (row, text) => paint(colourOf(row), text) },
    { title: 'REVISION', read: (row) => (wide === 'wide' ? row.revision : shortRevision(row.revision)) },
    { title: 'AGE', read: (row) => row.age },
    { title: 'SUSPENDED', read: (row) => (row.suspended ? 'True' : 'False'), paint: (row, text) => (row.suspended ? paint('yellow', text) : text) },
    ...(wide === 'wide' ? extra : []),
    { title: 'MESSAGE', read: (row) => row.message },
  ]
}

export function colourOf({ ready }: Pick<Row, 'ready'>): 'green' | 'red' | 'yellow' {
  switch (ready) {
    case 'True':
      return 'green'
    case 'False':
      return 'red'
    case 'Unknown':
      return 'yellow'
  }
}

/** Of a digest the first 8 characters, as git shows commits: `main@sha1:1a2b3c4d`. */
export function shortRevision(revision: string): string {
  return revision.replace(/((?:sha1|sha256|sha512|blake3):[0-9a-f]{8})[0-9a-f]+/g, '$1')
}
