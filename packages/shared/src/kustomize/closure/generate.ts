import type { Kustomization } from './fields.ts'
import type { TreeReader } from './tree-reader.ts'

export const kustomizationNames: readonly string[] = ['kustomization.yaml', 'kustomization.yml', 'Kustomization']

export interface Generated {
  readonly kustomization: Kustomization
  /** Directories that were listed: a new entry in one may change the result. */
  readonly listed: readonly string[]
  /** Names of kustomization files that were looked for and are not there. */
  readonly absent: readonly string[]
}

/**
 * The kustomization of a directory that has none (contract 4.5, 2): every YAML file below it, in the order of a walk by
 * name; a directory with a kustomization file of its own is one entry and not entered.
 */
export function generateKustomization(reader: TreeReader, directory: string): Generated {
  const resources: string[] = []
  const listed: string[] = []
  const absent: string[] = []
  const walk = (current: string, relative: string): void => {
    listed.push(current)
    for (const name of reader.list(current)) {
      const path = current === '' ? name : `${current}/${name}`
      if (reader.isDirectory(path)) enter(path, `${relative}/${name}`)
      else if (/\.ya?ml$/.test(name)) resources.push(`${relative}/${name}`)
    }
  }
  const enter = (path: string, relative: string): void => {
    const probed = kustomizationNames.map((name) => `${path}/${name}`)
    const found = probed.find((file) => reader.isFile(file))
    absent.push(...probed.slice(0, found === undefined ? probed.length : probed.indexOf(found)))
    if (found === undefined) walk(path, relative)
    else resources.push(relative)
  }
  walk(directory, '.')
  return { kustomization: resources.length > 0 ? { resources } : { namespace: '_placeholder' }, listed, absent }
}
