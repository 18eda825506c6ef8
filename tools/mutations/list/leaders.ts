import type { Mutation } from '../mutation.ts'

const shared = 'packages/shared/src'
const calls = `${shared}/kube/calls.test.ts`
const lead = { file: `${shared}/runtime/process/lead.ts` }
const leadTest = { file: `${shared}/runtime/process/lead.test.ts` }

/** Two that think they lead, and clocks that jump. */
export const ofLeaders: readonly Mutation[] = [
  {
    name: 'write-fence',
    removes: [{ file: `${shared}/kube/connection/connection.ts`, search: "if (method !== 'GET' && !fences.every((mayWrite) => mayWrite())) throw", replace: 'if (false) throw' }],
    test: { file: calls, title: 'refuses every write, and no read, once the lease is not held' },
  },
  {
    name: 'fence-of-repeated-writes',
    removes: [{ file: `${shared}/kube/connection/connection.ts`, search: 'await attempt(caller, request, deadline)', replace: 'await attempt(tries === 1 ? caller : { ...caller, fences: [] }, request, deadline)' }],
    test: { file: calls, title: 'is looked at again before a write is repeated' },
  },
  {
    name: 'lease-without-renewal',
    removes: [{ ...lead, search: 'return renewedMs !== undefined && options.clock.monotonicMs() - renewedMs < durations.renewMs', replace: 'return renewedMs !== undefined' }],
    test: { ...leadTest, title: 'loses in time when the server hangs' },
  },
  {
    name: 'drift-by-the-wall-clock',
    removes: [{ file: 'packages/kustomize-controller/src/kustomization/cluster/correct.ts', search: 'nowMs: deps.clock.monotonicMs(),', replace: 'nowMs: Date.now(),' }],
    test: { file: 'e2e/faults-clock.test.ts', title: 'drift is corrected, though the last correction is a day ago or still to come' },
  },
]
