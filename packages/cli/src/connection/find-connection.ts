import { existsSync, readFileSync } from 'node:fs'
import { delimiter, dirname, join, resolve } from 'node:path'
import type { ConfigSource } from '@weir/shared/kube'
import { parseYaml } from '@weir/shared/manifest'
import { CliError, exitCodes } from '../exit-codes.ts'
import type { Env } from '../world.ts'
import { mergeKubeconfigs } from './merge-kubeconfigs.ts'

export interface ConnectionFlags {
  readonly kubeconfig?: string | undefined
  readonly context?: string | undefined
}

const tokenFile = '/var/run/secrets/kubernetes.io/serviceaccount/token'

/**
 * Which cluster is meant: `--kubeconfig`, else the files of KUBECONFIG, else the one this pod runs in, else `~/.kube/config`.
 * CliError `noCluster` where nothing is found.
 */
export function findConnection({ kubeconfig, context }: ConnectionFlags, env: Env, exists: (path: string) => boolean = existsSync): ConfigSource {
  const named = context === undefined ? {} : { context }
  if (kubeconfig !== undefined) {
    if (!exists(kubeconfig)) throw noCluster(`there is no file ${kubeconfig}`)
    return { kubeconfig, ...named }
  }
  const listed = fromVariable(env['KUBECONFIG'] ?? '', exists)
  if (listed !== undefined) return { ...listed, ...named }
  if (env['KUBERNETES_SERVICE_HOST'] && exists(tokenFile)) return { inCluster: true }
  const own = join(env['HOME'] ?? '', '.kube', 'config')
  if (env['HOME'] && exists(own)) return { kubeconfig: own, ...named }
  throw noCluster('give --kubeconfig FILE or set KUBECONFIG; `weir up` starts a cluster of its own')
}

/** Files that are not there are passed over, as kubectl does, unless that leaves none. */
function fromVariable(variable: string, exists: (path: string) => boolean): ConfigSource | undefined {
  const listed = variable.split(delimiter).filter((path) => path !== '')
  const [first, ...others] = listed.filter((path) => exists(path))
  if (first !== undefined) return others.length === 0 ? { kubeconfig: first } : { text: readMerged([first, ...others]) }
  if (listed.length > 0) throw noCluster(`KUBECONFIG names ${listed.join(', ')}, which is not there`)
  return undefined
}

/** JSON is YAML. */
function readMerged(paths: readonly string[]): string {
  const files = paths.map((path) => ({ folder: dirname(resolve(path)), document: readKubeconfig(path) }))
  return JSON.stringify(mergeKubeconfigs(files))
}

function readKubeconfig(path: string): unknown {
  try {
    return parseYaml(readFileSync(path, 'utf8'), { dialect: 'go' })
  } catch (cause) {
    throw new CliError(exitCodes.noCluster, `no cluster: ${path} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}

function noCluster(message: string): CliError {
  return new CliError(exitCodes.noCluster, `no cluster: ${message}`)
}

export interface TakenFlags {
  readonly flags: ConnectionFlags
  readonly rest: readonly string[]
}

const connectionFlags: ReadonlySet<string> = new Set(['kubeconfig', 'context'])

/** Takes the flags of the connection out of a command line whose other flags are the controllers'. CliError `usage`. */
export function takeConnectionFlags(argv: readonly string[]): TakenFlags {
  const flags: Record<string, string> = {}
  const rest: string[] = []
  const left = [...argv]
  for (let argument = left.shift(); argument !== undefined; argument = left.shift()) {
    const [, name = '', value] = /^--([a-z]+)(?:=(.*))?$/s.exec(argument) ?? []
    if (!connectionFlags.has(name)) {
      rest.push(argument)
      continue
    }
    const given = value ?? left.shift()
    if (given === undefined || given === '') throw new CliError(exitCodes.usage, `flag needs an argument: --${name}`)
    flags[name] = given
  }
  return { flags, rest }
}
