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

/** What controllers that were asked to stop left on disk: half-written files, locks, temporary folders. */
export async function findLeftFiles(platform: Platform): Promise<readonly string[]> {
  const entries = await readdir(platform.dir, { recursive: true, withFileTypes: true })
  const left = entries.filter((entry) => {
    const isTemporary = entry.name.startsWith(partialPrefix) || entry.name.endsWith('.lock')
    return isTemporary || path.basename(entry.parentPath) === 'temp' || path.basename(entry.parentPath) === 'trees'
  })
  return left.map((entry) => path.relative(platform.dir, path.join(entry.parentPath, entry.name))).sort()
}

/** Processes that run a program of this folder, or were started with it in their arguments. */
export async function findProcesses(dir: string): Promise<readonly string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found = await Promise.all(
    pids.map(async (pid) => {
      const program = await readlink(`/proc/${pid}/exe`).catch(() => '')
      const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ').trim()
      return program.startsWith(`${dir}/`) || words.includes(`${dir}/`) ? [`${pid} ${words === '' ? program : words}`] : []
    }),
  )
  return found.flat()
}
