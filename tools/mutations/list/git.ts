import type { Mutation } from '../mutation.ts'

const shared = 'packages/shared/src'
const git = `${shared}/git`
const gitTest = { file: `${git}/git.test.ts` }
const transport = { file: `${git}/hostile-transport.test.ts` }
const login = `${shared}/auth/git-login.ts`
const kubectl = `${shared}/engine/kubectl-engine.ts`
const dashedRef = { file: `${git}/git-ref.ts`, search: "part.startsWith('-') || ", replace: '' }
const dashedHost = { file: login, search: "parsed.hostname.startsWith('-')", replace: 'false' }
const dashedUser = { file: login, search: "if (username.startsWith('-')) throw", replace: 'if (false) throw' }
const wholeWay = (what: string): Mutation['test'] => ({ file: 'e2e/hostile-git.test.ts', title: `refuses ${what} that is an option, and runs nothing` })

/** Git: options in place of names (those of folders, too), submodules, TLS, redirects, logins. */
export const ofGit: readonly Mutation[] = [
  { name: 'ref-is-an-option', removes: [dashedRef], test: { ...gitTest, title: 'refuses {"tag":"-x"}' } },
  { name: 'ref-is-an-option-whole-way', removes: [dashedRef], test: wholeWay('a branch') },
  {
    name: 'ref-with-a-refspec',
    removes: [{ file: `${git}/git-ref.ts`, search: '/[\\u0000-\\u0020\\u007f~^:?*[\\\\]/.test(name) ||', replace: '' }],
    test: { ...gitTest, title: 'refuses {"branch":"a:refs/heads/b"}' },
  },
  { name: 'host-is-an-option', removes: [dashedHost], test: { file: `${shared}/auth/auth.test.ts`, title: 'refuses "ssh://-oProxyCommand=x/y"' } },
  { name: 'host-is-an-option-whole-way', removes: [dashedHost], test: wholeWay('a host') },
  { name: 'user-is-an-option', removes: [dashedUser], test: { file: `${shared}/auth/auth.test.ts`, title: 'refuses "ssh://-l@host/x"' } },
  { name: 'user-is-an-option-whole-way', removes: [dashedUser], test: wholeWay('a user') },
  {
    name: 'folder-is-an-option',
    // A relative folder, where its name is one.
    removes: [
      { file: kubectl, search: ': path.join(root, view.path)\n', replace: ": view.path || '.'\n" },
      { file: kubectl, search: 'cwd: directory,', replace: "cwd: path.join(directory, 'view')," },
    ],
    test: { file: `${shared}/engine/engine.test.ts`, title: 'on kubectl takes -h for a folder and not for an option' },
  },
  {
    name: 'url-scheme',
    // Git itself is told which protocols it may speak: the second wall.
    removes: [
      { file: login, search: "    default:\n      throw new AuthError('url',", replace: "    default:\n      return 'https'\n      throw new AuthError('url'," },
      { file: `${git}/access.ts`, search: "{ GIT_ALLOW_PROTOCOL: scheme === 'http' ? 'http:https' : scheme }", replace: "{ GIT_ALLOW_PROTOCOL: 'http:https:ssh:git' }" },
    ],
    test: { ...gitTest, title: 'refuses the URL "git://h/x"' },
  },
  {
    name: 'git-tree-bomb',
    removes: [
      { file: `${git}/checkout.ts`, search: '    maxFileBytes: job.limits.maxBytes + job.limits.maxEntries * 2048,\n', replace: '' },
      { file: `${git}/checkout.ts`, search: '      limits: job.limits,\n', replace: '' },
    ],
    test: { ...gitTest, title: 'bounds what a repository may write' },
  },
  {
    name: 'git-huge-subject',
    removes: [
      { file: `${git}/checkout.ts`, search: ', enoughBytes: 8 * maxSubjectLength }', replace: ' }' },
      { file: `${git}/checkout.ts`, search: 'subject.slice(0, maxSubjectLength)', replace: 'subject' },
    ],
    test: { file: `${git}/endings.test.ts`, title: 'is not taken of the message of a commit' },
  },
  {
    name: 'git-complains-without-end',
    removes: [{ file: `${git}/run-git.ts`, search: 'if (!isPassed(maxStderrBytes, before, state.stderrBytes)) return', replace: 'if (before >= 0) return' }],
    test: { file: `${git}/endings.test.ts`, title: 'ends a git that never stops to complain' },
  },
  {
    name: 'git-tree-links',
    removes: [{ file: `${shared}/files/entry-rules.ts`, search: "return 'skipped'", replace: "return 'file'" }],
    test: { ...gitTest, title: 'brings files byte for byte, without links, submodules or conversions' },
  },
  {
    name: 'git-attributes',
    removes: [{ file: `${git}/checkout.ts`, search: '-text -eol -ident -filter -working-tree-encoding -export-subst -export-ignore', replace: '-text' }],
    test: { ...gitTest, title: 'brings files byte for byte, without links, submodules or conversions' },
  },
  {
    name: 'one-login-for-another',
    removes: [{ file: `${git}/create-git.ts`, search: '${digestOfLogin(request.login)}', replace: '${digestOfLogin.name}' }],
    test: { ...gitTest, title: 'never serves one login what another one fetched' },
  },
  {
    name: 'git-redirect-with-login',
    removes: [{ file: `${git}/access.ts`, search: "`Authorization: ${authorization}`], ['http.followRedirects', 'false']", replace: "`Authorization: ${authorization}`], ['http.followRedirects', 'true']" }],
    test: { ...transport, title: 'takes no bearer login along' },
  },
  {
    name: 'git-redirect-to-http',
    removes: [{ file: `${git}/access.ts`, search: "scheme === 'http' ? 'http:https' : scheme", replace: "scheme === 'ssh' ? scheme : 'http:https'" }],
    test: { ...transport, title: 'never leads from https to http' },
  },
  ...['expired', 'for another host', 'of an authority that nobody named'].map((flaw) => ({
    name: `git-tls-${flaw.replaceAll(' ', '-')}`,
    removes: [{ file: `${git}/run-git.ts`, search: "  ['credential.helper', ''],\n", replace: "  ['credential.helper', ''],\n  ['http.sslVerify', 'false'],\n" }],
    test: { ...transport, title: `certificate: ${flaw}` },
  })),
  {
    name: 'git-tls-after-redirect',
    removes: [{ file: `${git}/run-git.ts`, search: "  ['credential.helper', ''],\n", replace: "  ['credential.helper', ''],\n  ['http.sslVerify', 'false'],\n" }],
    test: { ...transport, title: 'is not followed to by a redirect' },
  },
  {
    name: 'ssh-host-key',
    removes: [{ file: `${git}/access.ts`, search: "'StrictHostKeyChecking=yes'", replace: "'StrictHostKeyChecking=no'" }],
    test: { ...gitTest, title: 'refuses an unknown host key and an unknown user key over ssh' },
  },
  {
    name: 'userinfo-in-arguments',
    removes: [
      { file: login, search: "  parsed.password = ''\n  parsed.username = scheme === 'ssh' ? parsed.username : ''\n", replace: '' },
    ],
    test: { ...transport, title: 'a login in the URL is in no argument list' },
  },
  {
    name: 'git-answer-in-message',
    removes: [{ file: `${git}/classify.ts`, search: 'const why = status === undefined', replace: 'if (found) return new GitError(found.code, stderr)\n  const why = status === undefined' }],
    test: { ...transport, title: 'what a wrong address answers with 500 is told to nobody' },
  },
  {
    name: 'http-redirect-with-login',
    removes: [{ file: `${shared}/http/redirect.ts`, search: 'headers: harmless(hop.headers)', replace: 'headers: hop.headers' }],
    test: { file: `${shared}/http/http.test.ts`, title: 'never carry a credential to another origin' },
  },
  {
    name: 'http-redirect-to-http',
    removes: [{ file: `${shared}/http/redirect.ts`, search: "if (hop.url.protocol === 'https:' && url.protocol === 'http:') {", replace: 'if (false) {' }],
    test: { file: `${shared}/http/tls.test.ts`, title: 'is not left by a redirect, and the client certificate is not shown to another host' },
  },
  {
    name: 'http-client-certificate',
    removes: [{ file: `${shared}/http/http.ts`, search: 'const wire = foreign ? client.foreign : client.own', replace: 'const wire = foreign ? client.own : client.own' }],
    test: { file: `${shared}/http/tls.test.ts`, title: 'is not left by a redirect, and the client certificate is not shown to another host' },
  },
  {
    name: 'http-tls',
    removes: [{ file: `${shared}/http/wire.ts`, search: 'tls.insecureSkipVerify === true && {', replace: 'tls.insecureSkipVerify !== true && {' }],
    test: { file: `${shared}/http/tls.test.ts`, title: 'refuses an unknown authority, another name, and a missing client certificate' },
  },
  {
    name: 'http-size',
    removes: [{ file: `${shared}/http/body.ts`, search: 'if (bytes > maxBytes) throw tooLarge(what, maxBytes)', replace: '' }],
    test: { file: `${shared}/http/http.test.ts`, title: 'stops at its byte limit, told in advance or not' },
  },
]
