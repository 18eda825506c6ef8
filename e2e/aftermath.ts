import type { Dirent } from 'node:fs'
import { readdir, readFile, readlink } from 'node:fs/promises'
import path from 'node:path'
import { gitRepositoryKind, kustomizationKind, type Kind } from '@weir/shared/api'
import { partialPrefix } from '@weir/shared/files'
import { readTexts } from './invariants.ts'
import type { Platform } from './platform.ts'

const events: Kind = { group: '', version: 'v1', kind: 'Event', plural: 'events', namespaced: true }

/** Everything that people can read of a platform: logs, events, and its objects but for Secrets. Canaries are looked for here. */
export async function readPublicTexts(platform: Platform): Promise<ReadonlyMap<string, string>> {
  const texts = new Map(await readTexts(await platform.logs()))
  for (const kind of [events, gitRepositoryKind, kustomizationKind]) {
    const { items } = await platform.kube.list(kind)
    for (const each of items) texts.set(`${each.kind} ${each.metadata.namespace}/${each.metadata.name}`, JSON.stringify(each))
  }
  for (const name of ['source-controller', 'kustomize-controller'] as const) {
    const metrics = await fetch(platform.controller(name).metricsUrl).then((answer) => answer.text(), () => '')
    texts.set(`metrics of ${name}`, metrics)
  }
  return texts
}

/** Half-written files, locks and what is in temporary folders. Whoever is at work has some for a moment; at rest there is none, though the processes live. */
export async function findTemporary({ dir }: Pick<Platform, 'dir'>): Promise<readonly string[]> {
  return find(dir, ({ name, parentPath }) => name.startsWith(partialPrefix) || name.endsWith('.lock') || path.basename(parentPath) === 'temp')
}

/** What controllers that were asked to stop left on disk: unpacked artifacts as well, which a running one keeps. */
export async function findLeftFiles(platform: Pick<Platform, 'dir'>): Promise<readonly string[]> {
  const trees = await find(platform.dir, ({ parentPath }) => path.basename(parentPath) === 'trees')
  return [...trees, ...(await findTemporary(platform))].sort()
}

async function find(dir: string, isLeft: (entry: Dirent) => boolean): Promise<readonly string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true })
  return entries.filter(isLeft).map(({ parentPath, name }) => path.relative(dir, path.join(parentPath, name))).sort()
}

/** Processes that run a program of this folder, work in it (as Git does in a mirror), or were started with it in their arguments. */
export async function findProcesses(dir: string): Promise<readonly string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found = await Promise.all(
    pids.map(async (pid) => {
      const [program, place] = await Promise.all(['exe', 'cwd'].map((link) => readlink(`/proc/${pid}/${link}`).catch(() => '')))
      const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ').trim()
      return [program, place].some((each) => each?.startsWith(`${dir}/`)) || words.includes(`${dir}/`) ? [`${pid} ${words === '' ? program : words}`] : []
    }),
  )
  return found.flat()
}
