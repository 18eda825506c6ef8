import type { GitRepository } from '@weir/shared/api'
import { gitLogin, parseGitUrl } from '@weir/shared/auth'
import { failing, type Stop } from '@weir/shared/runtime'
import type { Deps, Remote } from './ports.ts'
import { authStop } from './stops.ts'
import { timeoutMs } from './timing.ts'

/** Reads the Secret that the repository names, and makes a login of it. */
export async function readLogin(repository: GitRepository, deps: Deps, signal: AbortSignal): Promise<Remote | Stop> {
  const { metadata, spec } = repository
  const namespace = metadata.namespace ?? ''
  const name = spec.secretRef?.name
  const secret = name === undefined ? undefined : await deps.readSecret(namespace, name, signal)
  if (name !== undefined && secret === undefined) {
    const message = `failed to get secret '${namespace}/${name}': not found`
    return failing({ reason: 'AuthenticationFailed', message, blames: 'FetchFailed' })
  }
  try {
    return { url: parseGitUrl(spec.url).url, login: gitLogin(spec.url, secret), deadlineMs: timeoutMs(repository) }
  } catch (error) {
    return authStop(error)
  }
}
