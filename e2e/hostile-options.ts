import { configMap, namespace } from './flow.ts'

// Options where names are expected: in refs and URLs of sources, and as names of folders and files.

/** What a source is made of beside its hostile part. */
export interface Surroundings {
  /** A program that leaves a mark if anything runs it: path without spaces. */
  readonly program: string
  /** Of a repository that can be fetched with the login of every row, over ssh: there `--upload-pack` would start something. */
  readonly url: string
  /** Of its server. */
  readonly server: string
}

/** A GitRepository in whose ref or URL stands an option, and the verdict on it. */
export interface OptionSource {
  readonly what: string
  spec(around: Surroundings): Readonly<Record<string, unknown>>
  readonly reason: string
  readonly says: RegExp
}

const option = ({ program }: Surroundings): string => `--upload-pack=${program}`

/** A ref as it stands in the spec. */
const refs: readonly (readonly [what: string, field: string, says: RegExp])[] = [
  ['a branch that is an option', 'branch', /"--upload-pack=.*" is no name of a Git reference$/],
  ['a tag that is an option', 'tag', /"--upload-pack=.*" is no name of a Git reference$/],
  ['a name that is an option', 'name', /"--upload-pack=.*" is no name of a Git reference$/],
  ['a commit that is an option', 'commit', /commit "--upload-pack=.*" is no full SHA-1$/],
  ['a range that is an option', 'semver', /semver "--upload-pack=.*" is no version range/],
]

/** No host or user in a URL can hold a slash, so that these run a program by its name alone. */
const proxyCommand = '-oProxyCommand=touch%20ran'

export const optionSources: readonly OptionSource[] = [
  ...refs.map(([what, field, says]) => ({
    what,
    spec: (around: Surroundings) => ({ url: around.url, ref: { [field]: option(around) } }),
    reason: 'GitOperationFailed',
    says,
  })),
  { what: 'a branch with a refspec in it', spec: ({ url }) => ({ url, ref: { branch: '+refs/heads/*:refs/heads/*' } }), reason: 'GitOperationFailed', says: /"\+refs\/heads\/\*:refs\/heads\/\*" is no name of a Git reference$/ },
  { what: 'a host that is an option', spec: () => ({ url: `ssh://${proxyCommand}/good.git` }), reason: 'URLInvalid', says: /^the URL names no host$/ },
  { what: 'a user that is an option', spec: ({ url }) => ({ url: url.replace('git@', `${proxyCommand}@`) }), reason: 'URLInvalid', says: /^the user in the URL starts with a dash$/ },
  // It follows a slash, and so Git never takes it for an option: it is a path, and nothing is there.
  { what: 'a path that is an option', spec: (around) => ({ url: `${around.server}/${option(around)}` }), reason: 'GitOperationFailed', says: /the repository does not exist, or the login may not see it$/ },
]

const json = (content: object): string => `${JSON.stringify(content)}\n`

/** Folders and files that are options of git, tar, kustomize and kubectl: all of them are names. `outside` is a file outside of the repository. */
export const dashedFiles = (outside: string): Readonly<Record<string, string>> => ({
  '-f/kustomization.yaml': json({
    resources: ['--enable-helm', '-o.yaml'],
    components: ['--help'],
    patches: [{ path: '-p.yaml' }],
    configMapGenerator: [{ name: 'dash-generated', namespace, files: ['-rf', 'key=--output'], envs: ['--env'], options: { disableNameSuffixHash: true } }],
  }),
  '-f/--enable-helm/kustomization.yaml': json({ resources: ['--.yaml'] }),
  '-f/--enable-helm/--.yaml': configMap('dash-base', { value: 'plain' }),
  '-f/-o.yaml': configMap('dash-own', { value: 'own' }),
  '-f/--help/kustomization.yaml': json({ apiVersion: 'kustomize.config.k8s.io/v1alpha1', kind: 'Component', resources: ['-c.yaml'] }),
  '-f/--help/-c.yaml': configMap('dash-component', { value: 'component' }),
  '-f/-p.yaml': configMap('dash-base', { value: 'patched' }),
  '-f/-rf': 'x',
  '-f/--output': 'y',
  '-f/--env': 'A=1\n',
  '-k/-a.yaml': configMap('dash-alone', { value: 'alone' }),
  '--load-restrictor=LoadRestrictionsNone/kustomization.yaml': json({ resources: [outside] }),
  '--enable-helm/kustomization.yaml': json({ helmCharts: [{ name: 'x', repo: 'https://charts.example.com' }] }),
})

/** What comes of them, by the path of the Kustomization. */
export const dashedBuilds: readonly { readonly path: string; readonly maps: Readonly<Record<string, unknown>> }[] = [
  {
    path: './-f',
    maps: { 'dash-base': { value: 'patched' }, 'dash-own': { value: 'own' }, 'dash-component': { value: 'component' }, 'dash-generated': { '-rf': 'x', key: 'y', A: '1' } },
  },
  { path: '-k', maps: { 'dash-alone': { value: 'alone' } } },
]

/** Paths that would let more in if they were obeyed: what they hold is refused as anywhere else. */
export const dashedRefusals: readonly { readonly path: string; readonly says: RegExp }[] = [
  { path: '--load-restrictor=LoadRestrictionsNone', says: /secret\.yaml.* leaves the source$/ },
  { path: './--enable-helm', says: /helm/i },
]
