import type { Mutation } from '../mutation.ts'

const shared = 'packages/shared/src'
const locate = `${shared}/kustomize/closure/locate.ts`
const closureTest = `${shared}/kustomize/closure/closure.test.ts`
const fieldsTest = 'e2e/hostile-fields.test.ts'
const yamlTest = { file: `${shared}/manifest/yaml.test.ts` }
const absolute = { file: locate, search: "if (reference.startsWith('/')) return { kind: 'escapes' }", replace: '' }
const climbing = { file: locate, search: 'else if (segments.pop() === undefined) return undefined', replace: 'else segments.pop()' }
const remoteFile = { file: locate, search: "if (loading !== 'root' && isRemoteFile(reference)) return { kind: 'remote' }", replace: '' }
const remoteRoot = { file: locate, search: "if (loading !== 'file' && isRemoteRoot(reference)) return { kind: 'remote' }", replace: '' }
const overlay = `${shared}/kustomize/overlay.ts`

/** Paths in kustomizations, and YAML. */
export const ofKustomizations: readonly Mutation[] = [
  { name: 'path-absolute', removes: [absolute], test: { file: closureTest, title: 'refuses "/etc/hostname"' } },
  { name: 'path-climbs', removes: [climbing], test: { file: closureTest, title: 'refuses "../../etc/hostname"' } },
  { name: 'path-absolute-whole-way', removes: [absolute], test: { file: fieldsTest, title: 'in crds neither leaves the source nor the machine' } },
  { name: 'path-climbs-whole-way', removes: [climbing], test: { file: fieldsTest, title: 'in plugin PatchTransformer.path neither leaves the source nor the machine' } },
  { name: 'path-remote-file', removes: [remoteFile], test: { file: closureTest, title: 'refuses the remote "https://example.com/a/b.yaml"' } },
  { name: 'path-remote-root', removes: [remoteRoot], test: { file: closureTest, title: 'refuses Git repositories in components' } },
  {
    name: 'path-of-the-spec',
    removes: [{ file: locate, search: "if (segment === '..') segments.pop()", replace: "if (segment === '..') segments.push(segment)" }],
    test: { file: `${shared}/kustomize/closure/locate.test.ts`, title: 'makes "../../etc" "etc"' },
  },
  {
    name: 'component-of-the-spec',
    removes: [{ file: overlay, search: "if (address.startsWith('/') || address !== component) {", replace: 'if (false) {' }, absolute],
    test: { file: `${shared}/kustomize/build.test.ts`, title: 'refuses an absolute component of the spec' },
  },
  {
    name: 'remote-component-of-the-spec',
    removes: [{ file: overlay, search: 'if (remotePrefixes.some((prefix) => component.toLowerCase().startsWith(prefix))) {', replace: 'if (false) {' }, remoteRoot],
    test: { file: `${shared}/kustomize/build.test.ts`, title: 'refuses a remote component of the spec' },
  },
  {
    name: 'field-not-followed',
    removes: [{ file: `${shared}/kustomize/closure/references.ts`, search: "    ...openapiOf(kustomization['openapi']),\n", replace: '' }],
    test: { file: fieldsTest, title: 'in openapi.path neither leaves the source nor the machine' },
  },
  {
    name: 'too-many-kustomizations',
    removes: [{ file: `${shared}/kustomize/closure/closure.ts`, search: 'if (scan.scanned.size > maxRoots) throw', replace: 'if (false) throw' }],
    test: { file: closureTest, title: 'refuses more kustomizations in one build than any fleet has' },
  },
  {
    name: 'alias-bomb-in-a-kustomization',
    removes: [{ file: `${shared}/manifest/yaml.ts`, search: "if (text.includes('*')) refuseExpansion(", replace: 'if (false) refuseExpansion(' }],
    test: { ...yamlTest, title: 'refuses aliases of aliases' },
  },
  {
    name: 'alias-bomb-in-a-manifest',
    removes: [{ file: `${shared}/kustomize/view.ts`, search: 'if (closure.whole || closure.parsed.has(name)) refuseFileBomb(name, content)', replace: '' }],
    test: { file: 'packages/kustomize-controller/src/kustomization/telling.test.ts', title: 'a YAML bomb is told, and nothing was applied' },
  },
  {
    name: 'alias-bomb-in-a-patch',
    removes: [{ file: `${shared}/kustomize/view.ts`, search: '  refusePatchBombs(closure)\n', replace: '' }],
    test: { file: `${shared}/kustomize/bombs.test.ts`, title: 'in a patch of the spec is refused' },
  },
  {
    name: 'yaml-deep',
    // The parser's own stack is the second wall, and any error of it is told as YAML that cannot be read.
    removes: [
      { file: `${shared}/manifest/yaml.ts`, search: 'json: !strict, maxDepth, maxAliases', replace: 'json: !strict, maxDepth: 1e9, maxAliases' },
      { file: `${shared}/manifest/yaml.ts`, search: "throw new YamlError('YAML that cannot be read', undefined, error)", replace: 'throw error' },
    ],
    test: { ...yamlTest, title: 'refuses lists in lists' },
  },
  {
    name: 'yaml-size',
    removes: [{ file: `${shared}/manifest/yaml.ts`, search: 'if (text.length > maxBytes) throw', replace: 'if (false) throw' }],
    test: { ...yamlTest, title: 'refuses too many bytes' },
  },
  {
    name: 'engine-limits',
    removes: [{ file: `${shared}/engine/spawn-limited.ts`, search: 'ulimit -d "$1" 2>/dev/null', replace: 'true' }],
    test: { file: `${shared}/engine/spawn-limited.test.ts`, title: 'sets the limits' },
  },
  {
    name: 'engine-environment',
    removes: [{ file: `${shared}/engine/spawn-limited.ts`, search: '{ cwd, env, detached: true }', replace: '{ cwd, env: { ...process.env, ...env }, detached: true }' }],
    test: { file: `${shared}/engine/spawn-limited.test.ts`, title: 'gives arguments as they are and nothing of our environment' },
  },
  {
    // In place of all ways at once: one after the other, as matchers are usually written.
    name: 'glob-by-backtracking',
    removes: [
      {
        file: `${shared}/kustomize/substitution/glob.ts`,
        search: 'if (glob === undefined) return 0\n  let states',
        replace: `if (glob === undefined) return 0
  const walk = (part: number, at: number): number => {
    const here = glob[part]
    if (here === undefined) return at
    if (here.kind === 'run') return Math.max(walk(part + 1, at), at < characters.length ? walk(part, at + 1) : 0)
    return at < characters.length && here.matches(characters[at] ?? '') ? walk(part + 1, at + 1) : 0
  }
  return walk(0, 0)
  let states`,
      },
    ],
    test: { file: `${shared}/kustomize/substitute.test.ts`, title: 'takes time in proportion to value and pattern' },
  },
]
