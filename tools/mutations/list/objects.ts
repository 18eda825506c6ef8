import type { Mutation, Removal } from '../mutation.ts'

const shared = 'packages/shared/src'
const kustomize = 'packages/kustomize-controller/src'
const source = 'packages/source-controller/src'
const discovery = { file: `${shared}/kube/discovery/discovery.ts` }
const discoveryTest = `${shared}/kube/discovery/discovery.test.ts`
const pruneTest = 'e2e/hostile-prune.test.ts'
const secondName: Removal = { file: `${shared}/apply/prune.ts`, search: "return mayBeNamed(resource, ref) ? resource : 'skipped'", replace: 'return resource' }
const deletion = (options: string): Removal => ({ file: `${shared}/apply/prune.ts`, search: "{ uid, resourceVersion, propagation: 'Background', signal }", replace: options })

const unbuilt = (field: string, asks: string): Removal => ({ file: `${kustomize}/kustomization/not-supported.ts`, search: `  { field: '${field}', asks: ${asks} },\n`, replace: '' })
const unbuiltSource = (field: string, asks: string): Removal => ({ file: `${source}/git-repository/not-supported.ts`, search: `  { field: '${field}', asks: ${asks} },\n`, replace: '' })
const applying = (field: string): Mutation['test'] => ({ file: `${kustomize}/kustomization/applying.test.ts`, title: `refuses ${field}, naming it, and leaves artifact, inventory and objects` })
const sources = (field: string): Mutation['test'] => ({ file: `${source}/main.test.ts`, title: `refuses spec.${field}, which is not built yet, and leaves the artifact alone` })
const crossNamespace = { search: "'Refuse references to other namespaces.', { support: 'refused' }", replace: "'Refuse references to other namespaces.', { support: 'ignored' }" }

/** What is refused because it is not built, stored nonsense, pruning on doubt, and writing over what is protected. */
export const ofObjects: readonly Mutation[] = [
  { name: 'cross-namespace-flag', removes: [{ file: `${kustomize}/options.ts`, ...crossNamespace }], test: { file: `${kustomize}/options.test.ts`, title: 'ends with exit 2 on ["--no-cross-namespace-refs"]' } },
  { name: 'cross-namespace-flag-of-sources', removes: [{ file: `${source}/options.ts`, ...crossNamespace }], test: { file: `${source}/options.test.ts`, title: 'ends with exit 2 on ["--no-cross-namespace-refs"]' } },
  {
    name: 'impersonation-flag',
    removes: [{ file: `${kustomize}/options.ts`, search: "'ServiceAccount to act as where the object names none.', { support: 'refused' }", replace: "'ServiceAccount to act as where the object names none.', { support: 'ignored' }" }],
    test: { file: `${kustomize}/options.test.ts`, title: 'ends with exit 2 on ["--default-service-account=deployer"]' },
  },
  { name: 'impersonation', removes: [unbuilt('spec.serviceAccountName', '(spec) => isSet(spec.serviceAccountName)')], test: applying('spec.serviceAccountName') },
  { name: 'kubeconfig', removes: [unbuilt('spec.kubeConfig', '(spec) => spec.kubeConfig !== undefined')], test: applying('spec.kubeConfig') },
  {
    name: 'deletes-as-somebody-else',
    removes: [{ file: `${kustomize}/kustomization/finalize.ts`, search: 'if (leaving.foreign !== undefined) {', replace: 'if (leaving.foreign === String(0)) {' }],
    test: { file: `${kustomize}/kustomization/applying.test.ts`, title: 'keeps the finalizer with serviceAccountName while there is something to delete, and says why' },
  },
  { name: 'cel-of-health', removes: [unbuilt('spec.healthCheckExprs', '(spec) => isSet(spec.healthCheckExprs)')], test: applying('spec.healthCheckExprs') },
  { name: 'cel-of-dependencies', removes: [unbuilt('spec.dependsOn[].readyExpr', '(spec) => (spec.dependsOn ?? []).some((each) => isSet(each.readyExpr))')], test: applying('spec.dependsOn[].readyExpr') },
  { name: 'signature', removes: [unbuiltSource('spec.verify', '({ verify }) => verify !== undefined')], test: sources('verify') },
  { name: 'submodules', removes: [unbuiltSource('spec.recurseSubmodules', '({ recurseSubmodules }) => recurseSubmodules === true')], test: sources('recurseSubmodules') },
  {
    name: 'stored-duration',
    removes: [{ file: `${shared}/api/schemas/decode.ts`, search: 'if (issue === undefined) return', replace: 'if (true) return' }],
    test: { file: 'e2e/hostile-git.test.ts', title: 'stall their own objects, naming the field, and stop nobody else' },
  },
  {
    name: 'one-bad-object-ends-the-list',
    removes: [{ file: `${shared}/runtime/controller.ts`, search: '{ ok: true, value: decoded.value, object } : {', replace: '{ ok: true, value: decoded.value, object } : decoded.ok === false ? JSON.parse(decoded.message) : {' }],
    test: { file: 'e2e/hostile-git.test.ts', title: 'stall their own objects, naming the field, and stop nobody else' },
  },
  {
    name: 'one-bad-group-hides-all',
    removes: [{ file: `${shared}/kube/discovery/look.ts`, search: "if (!(error instanceof KubeError) || error.code === 'aborted') throw error\n    return { version", replace: 'throw error\n    return { version' }],
    test: { file: discoveryTest, title: 'works with a server that knows only the old form; one broken group hides no other' },
  },
  { name: 'stale-group', removes: [{ ...discovery, search: "if (!isComplete(served, name.group)) return 'unknown'", replace: '' }], test: { file: discoveryTest, title: 'is not gone while its group is stale' } },
  { name: 'claimed-group', removes: [{ ...discovery, search: "if (definers.claimed.has(name.group)) return 'unknown'", replace: '' }], test: { file: discoveryTest, title: 'is not gone while another server claims its group' } },
  { name: 'defined-kind', removes: [{ ...discovery, search: "{ ...name, signal })) ? 'unknown' : 'gone'", replace: "{ ...name, signal })) ? 'gone' : 'gone'" }], test: { file: discoveryTest, title: 'is not gone while a CRD defines it, not even one that is being deleted' } },
  { name: 'unreadable-discovery', removes: [{ ...discovery, search: "error: error.message })\n    return 'unknown'", replace: "error: error.message })\n    return 'gone'" }], test: { file: discoveryTest, title: 'is not gone when /apis cannot be read' } },
  { name: 'listing-that-is-none', removes: [{ file: `${shared}/kube/discovery/look.ts`, search: "if (half === '/api' && groups[0]?.versions.length === 0) throw", replace: 'if (false) throw' }], test: { file: discoveryTest, title: 'fails loudly, not as an empty server, on an answer that is none' } },
  {
    name: 'list-that-is-none',
    removes: [{ file: `${shared}/kube/list.ts`, search: "if ((!Array.isArray(items) && !isEmpty) || typeof version !== 'string') throw", replace: 'if (false) throw' }],
    test: { file: `${shared}/kube/calls.test.ts`, title: 'do not take {} for an empty one' },
  },
  {
    name: 'name-that-is-a-path',
    removes: [{ file: `${shared}/kube/connection/paths.ts`, search: "if (text === '' || text === '.' || text === '..' || /[/%]/.test(text)) {", replace: 'if (false) {' }],
    test: { file: `${shared}/kube/calls.test.ts`, title: 'refuse the name ".."' },
  },
  ...['a dead APIService claims the group', 'the definition is deleted while APIServices cannot be listed', 'the definition is deleted while discovery answers 503'].map((doubt) => ({
    name: `prune-on-doubt-${doubt.split(' ').at(-1)}`,
    removes: [{ file: `${shared}/apply/prune.ts`, search: 'else failures.push(failureOf(candidate, result.reason))', replace: "else changes.push({ ref: failureOf(candidate, result.reason).ref ?? candidate.ref, action: 'deleted' })" }],
    test: { file: pruneTest, title: doubt },
  })),
  ...[
    ['overwrite-without-labels', 'is left alone where it lives under reconcile: disabled'],
    ['overwrite-of-the-recreated', 'is left alone where somebody recreated it and Git says IfNotPresent'],
    ['overwrite-unread', 'is not corrected while nobody can say what became of the object'],
  ].map(([name = '', title = '']) => ({
    name,
    removes: [{ file: `${shared}/apply/correct.ts`, search: 'const live = await lookAt(writing, subject, signal)', replace: 'const live = has(subject.entry, bit.present) ? await lookAt(writing, subject, signal) : undefined' }],
    test: { file: `${shared}/apply/correct.test.ts`, title },
  })),
  {
    name: 'drift-of-what-was-left-alone',
    removes: [{ file: `${shared}/apply/live/drift.ts`, search: 'if (has(entry, bit.skipped) && !has(entry, bit.present)) return undefined', replace: '' }],
    test: { file: `${shared}/apply/correct.test.ts`, title: 'is no drift when its kind is listed again' },
  },
  {
    name: 'prune-of-an-empty-build',
    removes: [{ file: `${kustomize}/kustomization/reconcile.ts`, search: 'if (doubt) return doubt', replace: '' }],
    test: { file: pruneTest, title: 'an artifact in which the folder is empty, or missing, deletes nothing' },
  },
  {
    name: 'prune-of-what-is-not-ours',
    removes: [{ file: `${shared}/apply/prune.ts`, search: 'if (!seen.isOurs || seen.isKept)', replace: 'if (seen.isKept)' }],
    test: { file: `${shared}/apply/prune.test.ts`, title: 'leaves what its labels give to somebody else, and what is protected where it lives' },
  },
  { name: 'prune-of-a-second-name', removes: [secondName], test: { file: `${shared}/apply/prune.test.ts`, title: 'deletes no object for an id that is not its own, and forgets the id' } },
  {
    name: 'second-name-of-a-live-object',
    removes: [secondName, { file: `${shared}/apply/declare.ts`, search: ' ?? (await discovery.resource({ group, kind }, signal))', replace: '' }],
    test: { file: `${kustomize}/kustomization/pruning.test.ts`, title: 'lives on through a commit that names a version nobody serves' },
  },
  {
    name: 'write-under-a-second-name',
    removes: [{ file: `${shared}/apply/write/writing.ts`, search: "if (!resource.namespaced && namespace !== '') throw misnamed(desired)", replace: '' }],
    test: { file: `${shared}/apply/apply-set.test.ts`, title: 'writes nothing under an id that is not its own, where its kind is served only since it was declared' },
  },
  {
    name: 'inventory-of-another-process',
    removes: [{ file: `${kustomize}/kustomization/table.ts`, search: '[...unite(kept, noted.entries)]', replace: '[...noted.entries]' }],
    test: { file: `${kustomize}/kustomization/pruning.test.ts`, title: 'stays there, and is pruned by the next run' },
  },
  {
    name: 'prune-without-version',
    removes: [deletion("{ uid, propagation: 'Background', signal }")],
    test: { file: `${shared}/apply/prune.test.ts`, title: 'leaves what goes to somebody else after it was looked at' },
  },
  {
    // A new object has another version, too: either precondition would save it.
    name: 'prune-without-preconditions',
    removes: [deletion("{ propagation: 'Background', signal }")],
    test: { file: `${shared}/apply/prune.test.ts`, title: 'leaves what somebody else put in the place of what it looked at' },
  },
]
