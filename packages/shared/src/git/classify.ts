import { redact } from '@weir/shared/telemetry'
import { GitError, type GitErrorCode } from './git-error.ts'

interface Rule {
  readonly pattern: RegExp
  readonly code: GitErrorCode
  readonly says: string
}

const connectionFailed = 'the connection failed'

/** What git, curl and ssh write, in the order of trust: the first match decides. */
const rules: readonly Rule[] = [
  rule(/No space left on device|Disk quota exceeded/, 'full', 'no space left on the disk'),
  rule(/Read-only file system/, 'read-only', 'the file system is read-only'),
  rule(/File too large/, 'too-large', 'the content exceeds the size limit'),
  rule(/invalid path '/, 'unsafe-tree', 'the tree holds a path that is not allowed'),
  rule(/Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED|No \S+ host key is known/, 'host-key', 'the host key is not among the known hosts'),
  rule(/Load key .*(?:invalid format|error in libcrypto|incorrect passphrase|bad permissions)/, 'auth-failed', 'the private key cannot be read, or its passphrase is wrong'),
  rule(/Permission denied \(/, 'auth-failed', 'the server refuses the key'),
  rule(/Authentication failed|could not read (?:Username|Password)|terminal prompts disabled|returned error: 40[137]|HTTP 40[13]\b|Access denied/i, 'auth-failed', 'the server refuses the login'),
  rule(/couldn't find remote ref|not our ref|unadvertised object/i, 'ref-not-found', 'the reference does not exist'),
  rule(/repository .*not found|returned error: (?:404|410)|does not appear to be a git repository|Repository not found|does not exist/i, 'not-found', 'the repository does not exist, or the login may not see it'),
  rule(/returned error: 30\d|unable to update url base from redirection/, 'redirected', 'the server redirects elsewhere, which is not followed with a login'),
  rule(/Protocol "?http"? (?:is )?(?:not supported|disabled)/i, 'redirected', 'the server redirects from https to http, which is not followed'),
  rule(/SSL|certificate|TLS|gnutls/i, 'tls', 'the TLS connection failed'),
  rule(/transport '[^']*' not allowed|protocol '[^']*' is not supported/, 'invalid-url', 'the URL is not allowed'),
  rule(/Could not resolve (?:host|proxy)/i, 'unreachable', 'the host cannot be resolved'),
  rule(/returned error: (?:429|5\d\d)|HTTP (?:429|5\d\d)/, 'unreachable', 'the server answers with an error'),
  rule(/Failed to connect|Connection (?:refused|timed out|reset|closed)|early EOF|hung up|unable to access|too slow|RPC failed|kex_exchange|Network is unreachable|unexpected disconnect|No route to host/i, 'unreachable', connectionFailed),
]

function rule(pattern: RegExp, code: GitErrorCode, says: string): Rule {
  return { pattern, code, says }
}

/** Turns a failed git command into an error that reads the same on every try. `attempt` says what on what. */
export function classify(attempt: string, stderr: string): GitError {
  const tail = stderr.slice(-maxSaidLength)
  const said = withoutNames(tail)
  const found = rules.find(({ pattern }) => pattern.test(said))
  const detail = detailOf(said)
  if (found === undefined) return new GitError('failed', redact(`${attempt}: ${detail ?? 'git failed'}`))
  const status = /returned error: (\d{3})/.exec(said)?.[1]
  const why = status === undefined ? '' : ` (HTTP ${status})`
  const more = (found.code === 'tls' || found.code === 'unsafe-tree') && detail !== undefined ? `: ${detail}` : ''
  const how = found.says === connectionFailed ? connectionDetail(tail) : undefined
  return new GitError(found.code, redact(`${attempt}: ${found.says}${why}${more}${how === undefined ? '' : `: ${how}`}`))
}

const maxSaidLength = 32 * 1024
const maxLineLength = 1_000

/**
 * What git says, without the URLs, hosts and paths in it: others choose them, and a repository that is named `tls-certs` is no
 * TLS error. Each line is bounded, since a server can make git say a lot, and the rules go through it letter by letter.
 */
function withoutNames(said: string): string {
  const lines = said
    .replace(/\b[a-z][a-z0-9+.-]{1,20}:\/\/\S*/gi, (url) => /['":.,;)]{0,4}$/.exec(url)?.[0] ?? '')
    .replace(/\b(connect to(?: host)?|resolve (?:host|hostname|proxy)):? \S+/gi, '$1 …')
    .replace(/(?:\/[\w.@+-]+){3,}/g, '…')
    .split('\n')
  return lines.map((line) => line.slice(0, maxLineLength)).join('\n')
}

/** Who did not take the connection: of a proxy it is the proxy, which no URL names. curl tells a refusal and a silence alike. */
function connectionDetail(stderr: string): string | undefined {
  const [, host, port] = /(?:Failed to connect to|connect to host) (\S+) port (\d+)/i.exec(stderr) ?? []
  const [reason] = reasons.find(([, pattern]) => pattern.test(stderr)) ?? []
  if (host === undefined) return reason
  return `${host} port ${port}: ${reason ?? 'it takes no connection'}`
}

const reasons: readonly (readonly [string, RegExp])[] = [
  ['connection refused', /Connection refused/i],
  ['no answer in time', /timed out|Timeout was reached|too slow/i],
  ['no route to it', /No route to host|Network is unreachable/i],
  ['the connection was reset', /Connection reset/i],
  ['the answer ended early', /early EOF|hung up|unexpected disconnect|Connection closed|RPC failed/i],
]

/** The most telling line, without what changes from try to try. */
function detailOf(said: string): string | undefined {
  const lines = said.split('\n').map((line) => line.trim())
  const line = lines.find((text) => /^(?:fatal|error):/.test(text)) ?? lines.findLast((text) => text !== '')
  if (line === undefined || line === '') return undefined
  return line
    .replace(/^(?:fatal|error):\s*/, '')
    .replace(/unable to access '[^']*': /, '')
    .replace(/ after \d+ ms/g, '')
    .slice(0, 300)
}
