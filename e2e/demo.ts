import { constants } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { styleText } from 'node:util'
import { gitRepositoryKind, kustomizationKind } from '@weir/shared/api'
import type { Kube, KubeObject, Resource } from '@weir/shared/kube'
import { parseYaml } from '@weir/shared/manifest'
import { startGitServer, type TestRepository } from '@weir/shared/testing'
import { applyAs, readFolder, readKustomization, readyOf, requestReconcile, until, untilApplied, untilFailed, type Named } from './fleet.ts'
import { startPlatform, type Platform } from './platform.ts'

const namespace = 'flux-system'
const source: Named = { namespace, name: 'fleet' }
const staging: Named = { namespace, name: 'apps-staging' }
const production: Named = { namespace, name: 'apps-production' }
const infrastructure: Named = { namespace, name: 'infrastructure' }
const deployments: Resource = { group: 'apps', version: 'v1', kind: 'Deployment', plural: 'deployments', namespaced: true, verbs: [], status: true }
const configMaps: Resource = { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true, verbs: [], status: false }

interface Demo {
  readonly platform: Platform
  readonly kube: Kube
  readonly repository: TestRepository
}

/** The last line of `npm run demo -- --once --json`. */
interface Figures {
  readonly ok: boolean
  readonly firstMs: number
  readonly commitMs: number
  readonly driftMs: number
  readonly pruneMs: number
  readonly refusedMessage: string
  readonly fixMs: number
}

const once = process.argv.includes('--once')
const json = process.argv.includes('--json')
const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
/** Ctrl-C ends the demo in order, at whatever step it is; a second one at once, and what it started is ended by its watchdog. Its reason is the signal's name. */
const stopping = new AbortController()
const usage = `usage: npm run demo [-- --once] [--json]
  --once   go through the steps and end; without it the cluster stays until Ctrl-C
  --json   print one JSON line with the figures at the end`

async function main(): Promise<number> {
  const unknown = process.argv.slice(2).filter((argument) => !['--once', '--json', '--'].includes(argument))
  if (unknown.length > 0) {
    say(unknown[0] === '--help' ? usage : `unknown argument ${unknown[0]}\n${usage}`)
    return unknown[0] === '--help' ? 0 : 2
  }
  say(title('Weir: from a commit to a cluster, on this machine'))
  say('starting a Kubernetes control plane (the first time it is built, which takes some minutes) …')
  const { signal } = stopping
  for (const name of stopSignals) process.once(name, () => stopping.abort(name))
  await using platform = await startPlatform({ onProgress: (line) => say(`  ${line}`), signal })
  const { kube } = platform
  await using server = await serveGit(kube)
  const repository = await server.createRepository('fleet')
  await unlessStopped(Promise.all([platform.start('source-controller'), platform.start('kustomize-controller')]), signal)
  say(`  API server ${platform.cluster.url}`)
  say(`  source-controller and kustomize-controller are running`)

  const figures = await unlessStopped(walkThrough({ platform, kube, repository }), signal)
  say(`\n${title('What you saw')}`)
  say(`  first convergence ${figures.firstMs} ms · commit ${figures.commitMs} ms · manual edit undone ${figures.driftMs} ms · file pruned ${figures.pruneMs} ms · fix ${figures.fixMs} ms`)
  if (!once) await stay({ platform, kube, repository }, signal)
  if (json) process.stdout.write(`${JSON.stringify(figures)}\n`)
  return 0
}

async function serveGit(kube: Kube): Promise<Awaited<ReturnType<typeof startGitServer>> & AsyncDisposable> {
  // The post-receive hook of the Git server: what a Receiver of the notification API would do.
  const onPush = (): Promise<void> => requestReconcile(kube, gitRepositoryKind, source).catch(() => undefined)
  const server = await startGitServer({ onPush })
  return { ...server, [Symbol.asyncDispose]: () => server.close() }
}

async function walkThrough(demo: Demo): Promise<Figures> {
  const { repository } = demo
  const fleet = await readFolder(path.join(import.meta.dirname, '../examples/fleet'))
  step(1, 'The fleet is declared: a repository, and three Kustomizations; both apps wait for the infrastructure')
  const first = await repository.commit(fleet, { message: 'the fleet' })
  const firstMs = await timed(async () => {
    await declare(demo, fleet)
    for (const each of [infrastructure, staging, production]) await untilApplied(demo.kube, each, first, 180_000)
  })
  await tell(demo, `converged after ${firstMs} ms`)

  step(2, 'A commit: the settings of the shop change')
  const commitMs = await timed(async () => {
    const commit = await repository.commit({ 'apps/base/config/shop.properties': 'greeting=Good morning\ncurrency=EUR\n' }, { message: 'a friendlier greeting' })
    for (const each of [staging, production]) await untilApplied(demo.kube, each, commit)
  })
  await tell(demo, `the commit was live, and every pod rolled, after ${commitMs} ms`)

  step(3, 'Somebody edits the cluster by hand: production gets one replica instead of three')
  const driftMs = await editByHand(demo)
  await tell(demo, `undone after ${driftMs} ms`)

  step(4, 'A file is removed from the repository: its object goes')
  const pruneMs = await removeFile(demo, fleet)
  await tell(demo, `pruned after ${pruneMs} ms`)

  step(5, 'A broken commit: a file is named that nobody committed')
  const { message, fixMs } = await breakThenFix(demo, fleet)
  return { ok: true, firstMs, commitMs, driftMs, pruneMs, refusedMessage: message, fixMs }
}

async function declare({ kube, repository }: Demo, fleet: Readonly<Record<string, string>>): Promise<void> {
  const declared = Object.keys(fleet).filter((file) => file.startsWith('clusters/demo/'))
  for (const file of declared) {
    const object = parseYaml(fleet[file] ?? '', { dialect: 'kyaml' }) as KubeObject
    const spec = object['spec'] as Readonly<Record<string, unknown>>
    await applyAs(kube, object.kind === 'GitRepository' ? { ...object, spec: { ...spec, url: repository.url } } : object)
  }
}

async function editByHand({ kube }: Demo): Promise<number> {
  const target = { resource: deployments, namespace: 'shop-production', name: 'shop' }
  const replicas = async (): Promise<unknown> => ((await kube.get(target))?.['spec'] as { readonly replicas?: number } | undefined)?.replicas
  return timed(async () => {
    await kube.patch(target, { type: 'merge', body: { spec: { replicas: 1 } }, manager: 'kubectl-edit' })
    await until('three replicas again', async () => ((await replicas()) === 3 ? true : undefined))
  })
}

async function removeFile({ kube, repository }: Demo, fleet: Readonly<Record<string, string>>): Promise<number> {
  const kustomization = (fleet['apps/staging/kustomization.yaml'] ?? '').replace('  - feature-flags.yaml\n', '')
  const target = { resource: configMaps, namespace: 'shop-staging', name: 'feature-flags' }
  return timed(async () => {
    const commit = await repository.commit({ 'apps/staging/feature-flags.yaml': undefined, 'apps/staging/kustomization.yaml': kustomization }, { message: 'no more feature flags' })
    await until('the ConfigMap is gone', async () => ((await kube.get(target)) === undefined ? true : undefined))
    await untilApplied(kube, staging, commit)
  })
}

async function breakThenFix(demo: Demo, fleet: Readonly<Record<string, string>>): Promise<{ readonly message: string; readonly fixMs: number }> {
  const { kube, repository } = demo
  const file = 'apps/production/kustomization.yaml'
  const good = fleet[file] ?? ''
  const before = await kube.get({ resource: deployments, namespace: 'shop-production', name: 'shop' })
  await repository.commit({ [file]: good.replace('  - ../base\n', '  - ../base\n  - prices.yaml\n') }, { message: 'prices, but the file was forgotten' })
  const refused = await untilFailed(kube, production, 'BuildFailed')
  const message = readyOf(refused)?.message ?? ''
  const after = await kube.get({ resource: deployments, namespace: 'shop-production', name: 'shop' })
  if (after?.metadata.generation !== before?.metadata.generation) throw new Error('the broken commit reached the cluster')
  say(`  refused: ${message}`)
  await tell(demo, 'the cluster still runs the last good revision')

  step(6, 'The fix')
  const fixMs = await timed(async () => {
    const commit = await repository.commit({ [file]: good }, { message: 'without prices' })
    await untilApplied(kube, production, commit)
  })
  await tell(demo, `picked up after ${fixMs} ms`)
  return { message, fixMs }
}

async function tell({ kube }: Demo, sentence: string): Promise<void> {
  say(`  ${sentence}`)
  const { items } = await kube.list(kustomizationKind, { namespace })
  for (const { metadata } of items) {
    const ready = readyOf(await readKustomization(kube, { namespace, name: metadata.name }))
    say(`    ${metadata.name.padEnd(18)}${mark(ready?.status)} ${ready?.message.split('\n')[0] ?? ''}`)
  }
}

async function stay({ platform, repository }: Demo, signal: AbortSignal): Promise<void> {
  say(`\n${title('It stays until you press Ctrl-C. Try it:')}`)
  say(`  git clone ${repository.url}          # change apps/base/config/shop.properties, commit, push`)
  say(`  export KUBECONFIG=${platform.cluster.kubeconfig()}`)
  say(`  npm run --silent weir -- get --watch`)
  say(`  npm run --silent weir -- why kustomization/apps-production -n ${namespace}`)
  while (!signal.aborted) await pause(3_600_000, undefined, { signal }).catch(() => undefined)
}

/** What goes on meanwhile finds its servers gone; nobody asks how it ended. */
async function unlessStopped<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  work.catch(() => undefined)
  const { promise, reject } = Promise.withResolvers<never>()
  const stop = (): void => reject(new Error('stopped'))
  if (signal.aborted) stop()
  signal.addEventListener('abort', stop, { once: true })
  return Promise.race([work, promise])
}

async function timed(run: () => Promise<void>): Promise<number> {
  const startedMs = performance.now()
  await run()
  return Math.round(performance.now() - startedMs)
}

const mark = (status: string | undefined): string => (status === 'True' ? colour('green', 'ready    ') : colour('red', 'not ready'))
const title = (text: string): string => colour('bold', text)
const step = (at: number, text: string): void => say(`\n${title(`${at}. ${text}`)}`)
const say = (line: string): void => void process.stderr.write(`${line}\n`)

function colour(format: 'bold' | 'green' | 'red', text: string): string {
  return process.stderr.isTTY ? styleText(format, text) : text
}

process.exitCode = await main().catch((error: unknown) => {
  const stoppedBy = stopSignals.find((name) => name === stopping.signal.reason)
  const why = stoppedBy === undefined ? (error instanceof Error ? error.message : String(error)) : `stopped by ${stoppedBy}`
  say(stoppedBy === undefined ? `demo failed: ${why}` : why)
  if (json) process.stdout.write(`${JSON.stringify({ ok: false, error: why })}\n`)
  return stoppedBy === undefined ? 1 : 128 + constants.signals[stoppedBy]
})
