import type { Verdict } from '../packages/shared/src/runtime/status.ts'

/** A place where a process kills itself: `<step>/<begin|end>`, as WEIR_TEST_KILL_AT takes it. */
export type KillAt = `${string}/${'begin' | 'end'}`

const around = (...steps: readonly string[]): readonly KillAt[] => steps.flatMap((step) => [`${step}/begin`, `${step}/end`] as const)

/** Steps that only look: the begin of one is the end of the one before. */
const after = (...steps: readonly LookingStep[]): readonly KillAt[] => steps.map((step) => `${step}/end` as const)
export const lookingSteps = ['find source', 'check dependencies', 'read variables', 'declare objects', 'check storage', 'read login', 'resolve revision'] as const
type LookingStep = (typeof lookingSteps)[number]

/**
 * Where kustomize-controller dies in each part of a life, one process after the other, in the order of a run: what an earlier one has done
 * before it died keeps no later one from getting there.
 */
export const kustomizeKills = {
  install: [
    ...around('add finalizer'),
    ...after('find source', 'check dependencies'),
    ...around('fetch artifact'),
    ...after('read variables'),
    ...around('build'),
    ...after('declare objects'),
    ...around('write status: running', 'apply definitions', 'apply classes', 'apply custom', 'apply rest', 'wait for health', 'write status: ready'),
  ],
  /** Each at a definition that no earlier process has made. */
  define: around('wait for stage', 'wait for discovery'),
  upgrade: ['build/end', 'write status: running/end', 'apply definitions/end', ...around('apply rest'), 'write status: ready/begin'],
  rename: ['write status: running/end', 'apply rest/end', ...around('confirm inventory'), 'prune/end'],
  prune: [...around('prune'), 'write status: ready/begin'],
  verification: ['build/end', ...around('look at what is owned'), 'apply rest/end'],
  drift: around('correct drift'),
  finalize: ['confirm inventory/end', ...around('delete objects', 'wait for termination', 'remove finalizer')],
} as const satisfies Record<string, readonly KillAt[]>

/** A verdict other than ready, and what brings it about, is told by the test. */
export const verdictKills = {
  waiting: around('write status: waiting'),
  failing: around('write status: failing'),
  stalled: around('write status: stalled'),
  suspended: around('write status: suspended'),
} as const satisfies Record<string, readonly KillAt[]>

export const sourceKills = {
  create: [...around('add finalizer'), ...after('check storage', 'read login', 'resolve revision'), 'check out/end', 'store artifact/end', 'write status: ready/begin'],
  push: around('check out', 'store artifact', 'write status: ready'),
  remove: around('remove artifacts', 'remove finalizer'),
} as const satisfies Record<string, readonly KillAt[]>

/** Both controllers in one process: each takes the other along, at what it has not told the cluster yet. */
export const togetherKills = {
  install: ['store artifact/end', 'build/end', 'apply rest/end'],
  upgrade: ['check out/end', 'prune/end'],
  finalize: ['delete objects/end'],
} as const satisfies Record<string, readonly KillAt[]>

/** What the parts of names stand for that are only known in a run. The types keep the verdicts complete. */
const verdicts = { ready: true, waiting: true, failing: true, stalled: true, running: true, suspended: true, unfinished: true } as const satisfies Record<Verdict['kind'], true>
export const families: Readonly<Record<string, readonly string[]>> = {
  'write status: ${…}': Object.keys(verdicts).map((kind) => `write status: ${kind}`),
  'apply ${…}': ['definitions', 'classes', 'custom', 'rest'].map((stage) => `apply ${stage}`),
}

/** Steps at which no test of this plan kills, and why. */
export const notKilled: Readonly<Record<string, string>> = {
  'write status: unfinished': 'it is written while the process ends already: a kill there is one between two runs',
}

export const allKills: readonly KillAt[] = [kustomizeKills, verdictKills, sourceKills, togetherKills].flatMap((plan) => Object.values<readonly KillAt[]>(plan).flat())
