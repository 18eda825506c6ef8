import { isAbsolute, join } from 'node:path'
import { fieldAt, isFields, type Fields } from '@weir/shared/manifest'

/** A kubeconfig file, read. */
export interface KubeconfigFile {
  /** Folder of the file: what relative file names in it are relative to. */
  readonly folder: string
  readonly document: unknown
}

const lists = ['clusters', 'contexts', 'users'] as const
const fileFields: ReadonlySet<string> = new Set(['certificate-authority', 'client-certificate', 'client-key', 'tokenFile'])

/**
 * Several kubeconfigs as one, as kubectl merges the files of KUBECONFIG: the first to name a cluster, a user, a context or the
 * current context wins. File names in them become absolute.
 */
export function mergeKubeconfigs(files: readonly KubeconfigFile[]): object {
  const merged = lists.map((list) => [list, firstOfEachName(files.flatMap((file) => entriesOf(file, list)))])
  const current = files.map(({ document }) => fieldAt(document, 'current-context')).find((name) => typeof name === 'string' && name !== '')
  return { apiVersion: 'v1', kind: 'Config', ...Object.fromEntries(merged), ...(current !== undefined && { 'current-context': current }) }
}

function entriesOf({ folder, document }: KubeconfigFile, list: (typeof lists)[number]): readonly Fields[] {
  const entries = fieldAt(document, list)
  return Array.isArray(entries) ? entries.filter(isFields).map((entry) => withAbsoluteFiles(entry, folder)) : []
}

function firstOfEachName(entries: readonly Fields[]): readonly Fields[] {
  return entries.filter((entry, at) => entries.findIndex((other) => other['name'] === entry['name']) === at)
}

function withAbsoluteFiles(entry: Fields, folder: string): Fields {
  const placed = Object.entries(entry).map(([key, value]) => [key, isFields(value) ? Object.fromEntries(Object.entries(value).map(absolute(folder))) : value])
  return Object.fromEntries(placed)
}

/** A command with a slash in it is a file too; one without is looked up in the PATH. */
function absolute(folder: string): (field: [string, unknown]) => [string, unknown] {
  const place = (path: string): string => (isAbsolute(path) ? path : join(folder, path))
  return ([key, value]) => {
    if (fileFields.has(key) && typeof value === 'string' && value !== '') return [key, place(value)]
    const command = key === 'exec' ? fieldAt(value, 'command') : undefined
    return typeof command === 'string' && isFields(value) && command.includes('/') ? [key, { ...value, command: place(command) }] : [key, value]
  }
}
