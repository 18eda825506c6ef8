/** Where a reference of a kustomization leads. */
export type Located =
  | { readonly kind: 'local'; readonly path: string }
  | { readonly kind: 'remote' }
  | { readonly kind: 'escapes' }

/** How kustomize loads a reference: `file` may be a URL, `root` (a directory) a Git repository, `either` both. */
export type Loading = 'file' | 'root' | 'either'

/** Resolves a reference against the directory of its kustomization. `''` is the source's root. */
export function locate(directory: string, reference: string, loading: Loading): Located {
  if (loading !== 'root' && isRemoteFile(reference)) return { kind: 'remote' }
  if (loading !== 'file' && isRemoteRoot(reference)) return { kind: 'remote' }
  if (reference.startsWith('/')) return { kind: 'escapes' }
  const path = joinPath(directory, reference)
  return path === undefined ? { kind: 'escapes' } : { kind: 'local', path }
}

/** Joins and cleans as Go's `filepath.Join` does; undefined where it would climb over the root. */
export function joinPath(directory: string, reference: string): string | undefined {
  const segments: string[] = directory === '' ? [] : directory.split('/')
  for (const segment of reference.split('/')) {
    if (segment === '' || segment === '.') continue
    if (segment !== '..') segments.push(segment)
    else if (segments.pop() === undefined) return undefined
  }
  return segments.join('/')
}

/** `spec.path` inside a source: climbing over the root stays at the root, as in Flux. */
export function clampPath(path: string): string {
  const segments: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '..') segments.pop()
    else if (segment !== '' && segment !== '.') segments.push(segment)
  }
  return segments.join('/')
}

/** The directory of a file, `''` for one in the root. */
export function directoryOf(path: string): string {
  const slash = path.lastIndexOf('/')
  return slash === -1 ? '' : path.slice(0, slash)
}

export function isRemoteFile(reference: string): boolean {
  return /^https?:/i.test(reference)
}

/**
 * Whether kustomize would clone it: a scheme, github.com, or `user@host` followed by a repository. A directory called
 * `team@prod` is none.
 */
export function isRemoteRoot(reference: string): boolean {
  if (reference.startsWith('/')) return false
  const address = (reference.split('?', 1)[0] ?? '').replace(/^git::/i, '')
  if (/^(?:ssh|https?|file):\/\//i.test(address)) return true
  const user = /^[A-Za-z][A-Za-z0-9-]*@/.exec(address)?.[0] ?? ''
  const host = address.slice(user.length)
  if (/^github\.com[/:]/i.test(host)) return true
  if (user === '') return false
  const separator = /[/:]/.exec(host)
  if (separator === null) return false
  const repository = host.slice(separator.index + 1)
  return /_git\/|\/\/|\.git/.test(repository) || repository.includes('/')
}
