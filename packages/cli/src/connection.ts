import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { ConfigSource } from '@weir/shared/kube'
import { CliError, exitCodes } from './exit-codes.ts'
import type { Env } from './world.ts'

export interface ConnectionFlags {
  readonly kubeconfig?: string | undefined
  readonly context?: string | undefined
}

const tokenFile = '/var/run/secrets/kubernetes.io/serviceaccount/token'

/**
 * Which cluster is meant: `--kubeconfig`, else the first file of KUBECONFIG that exists, else the one this pod runs in, else
 * `~/.kube/config`. CliError `noCluster` where nothing is found.
 */
export function findConnection({ kubeconfig, context }: ConnectionFlags, env: Env, exists: (path: string) => boolean = existsSync): ConfigSource {
  const named = context === undefined ? {} : { context }
  if (kubeconfig !== undefined) {
    if (!exists(kubeconfig)) throw new CliError(exitCodes.noCluster, `no cluster: there is no file ${kubeconfig}`)
    return { kubeconfig, ...named }
  }
  const listed = (env['KUBECONFIG'] ?? '').split(delimiter).filter((path) => path !== '')
  const first = listed.find((path) => exists(path))
  if (first !== undefined) return { kubeconfig: first, ...named }
  if (listed.length > 0) throw new CliError(exitCodes.noCluster, `no cluster: KUBECONFIG names ${listed.join(', ')}, which is not there`)
  if (env['KUBERNETES_SERVICE_HOST'] && exists(tokenFile)) return { inCluster: true }
  const own = join(env['HOME'] ?? '', '.kube', 'config')
  if (env['HOME'] && exists(own)) return { kubeconfig: own, ...named }
  throw new CliError(exitCodes.noCluster, 'no cluster: give --kubeconfig FILE or set KUBECONFIG; `weir up` starts a cluster of its own')
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
