import type { Fault, FaultRule } from '@weir/shared/testing'
import type { Dice } from './dice.ts'

/** Where a proxy stands: between whom. */
export const places = ['source to API server', 'kustomize to API server', 'artifacts', 'git', 'bus'] as const
export type Place = (typeof places)[number]

export type Rules = Readonly<Record<Place, readonly FaultRule[]>>

export const noRules: Rules = { 'source to API server': [], 'kustomize to API server': [], artifacts: [], git: [], bus: [] }

/** Faults that end by themselves or are counted: what is left of them when the rules are taken away is broken with the connections. */
export function planRules(dice: Dice): Rules {
  const few = <T>(menu: readonly (() => T)[], most: number, least = 0): readonly T[] => dice.some(menu, dice.between(least, most)).map((make) => make())
  return {
    'source to API server': few(apiFaults(dice), 2),
    'kustomize to API server': few(apiFaults(dice), 4, 1),
    artifacts: few(bodyFaults(dice, /\.tar\.gz/), 2),
    git: few(bodyFaults(dice, /./), 2),
    bus: few(busFaults(dice), 1),
  }
}

type Menu = readonly (() => FaultRule)[]

function apiFaults(dice: Dice): Menu {
  const part = (): number => dice.between(5, 40) / 100
  const count = (): number => dice.between(1, 12)
  const writes = ['PATCH', 'DELETE', 'POST']
  const watch = /watch=(true|1)/
  const call = (fault: Fault, rest: Partial<FaultRule> = {}): FaultRule => ({ fault, path: /^\/(api|apis)\/(?!.*watch=(true|1))/, probability: part(), count: count(), ...rest })
  return [
    () => call({ kind: 'status', status: 409 }, { methods: writes }),
    () => call({ kind: 'status', status: 410 }, { methods: ['GET'], path: /[?&]limit=/ }), // a server expires lists alone
    () => call({ kind: 'status', status: 429, retryAfterSeconds: 1 }),
    () => call({ kind: 'status', status: 500 }),
    () => call({ kind: 'status', status: 503 }),
    () => call({ kind: 'reset', at: 'request' }),
    () => call({ kind: 'reset', at: 'response' }, { methods: writes }),
    () => call({ kind: 'stall', at: 'request', ms: dice.between(50, 1_200) }),
    () => call({ kind: 'stall', at: 'response', ms: dice.between(50, 1_200) }),
    () => call({ kind: 'truncate', keepBytes: dice.between(0, 400) }),
    () => call({ kind: 'slow', bytesPerSecond: dice.between(2_000, 20_000) }),
    () => call({ kind: 'duplicate-request' }, { methods: writes }),
    () => ({ fault: { kind: 'cut', afterMs: dice.between(50, 600) }, path: watch, count: dice.between(2, 20) }),
    () => ({ fault: { kind: 'cut', afterBytes: dice.between(10, 4_000) }, path: watch, count: dice.between(2, 20) }),
    () => ({ fault: { kind: 'gone-event', afterMs: dice.between(20, 500) }, path: watch, count: dice.between(2, 20) }),
    () => ({ fault: { kind: 'duplicate-lines' }, path: watch }),
    () => ({ fault: { kind: 'stall', at: 'response', ms: dice.between(100, 1_500) }, path: watch, count: dice.between(1, 6) }),
  ]
}

/** Downloads: of artifacts, and of what Git serves. */
function bodyFaults(dice: Dice, path: RegExp): Menu {
  const count = (): number => dice.between(1, 4)
  const statuses = [410, 429, 500, 503] as const
  return [
    () => ({ fault: { kind: 'status', status: dice.pick(statuses) }, path, count: count() }),
    () => ({ fault: { kind: 'reset', at: 'request' }, path, count: count() }),
    () => ({ fault: { kind: 'reset', at: 'response' }, path, count: count() }),
    () => ({ fault: { kind: 'cut', afterBytes: dice.between(1, 900) }, path, count: count() }),
    () => ({ fault: { kind: 'truncate', keepBytes: dice.between(0, 900) }, path, count: count() }),
    () => ({ fault: { kind: 'stall', at: 'response', ms: dice.between(50, 1_200) }, path, count: count() }),
    () => ({ fault: { kind: 'slow', bytesPerSecond: dice.between(1_000, 10_000) }, path, count: count() }),
    () => ({ fault: { kind: 'duplicate-request' }, path, count: count() }),
  ]
}

function busFaults(dice: Dice): Menu {
  return [
    () => ({ fault: { kind: 'reset', at: 'request' }, count: dice.between(1, 5) }),
    () => ({ fault: { kind: 'cut', afterMs: dice.between(20, 800) }, count: dice.between(1, 5) }),
    () => ({ fault: { kind: 'cut', afterBytes: dice.between(20, 3_000) }, count: dice.between(1, 5) }),
    () => ({ fault: { kind: 'slow', bytesPerSecond: dice.between(500, 5_000) }, count: dice.between(1, 2) }),
  ]
}
