import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import type { FaultRule } from '@weir/shared/testing'
import { canaries } from './canary-app.ts'
import { itLeavesNothingBehind } from './fault-aftermath.ts'
import { nameOf, ownCalls, rulesOf, startFaultRig, stateOf, watches, type FaultRig } from './fault-rig.ts'
import { readKustomization, readyOf, until } from './fleet.ts'
import { namespace } from './flow.ts'
import { findCanaries } from './invariants.ts'
import type { ControllerName } from './platform.ts'

// Trouble between each of the controllers and the API server, of every kind: each life ends converged.

let rig: FaultRig

beforeAll(async () => {
  rig = await startFaultRig({ seed: 20_260_101 })
  await Promise.all([rig.start('source-controller'), rig.start('kustomize-controller')])
})
afterEach(() => rig.calm())
afterAll(() => rig?.stop())

type Rules = Readonly<Record<ControllerName, readonly FaultRule[]>>

const always = (rule: FaultRule): Rules => ({ 'source-controller': [rule], 'kustomize-controller': [rule] })
const writes = ['POST', 'PATCH', 'DELETE']

describe('between both controllers and the API server', () => {
  const rows: readonly (readonly [string, Rules])[] = [
    ['409 on writes', rulesOf({ fault: { kind: 'status', status: 409 }, methods: writes, path: ownCalls })],
    ['410 on lists and new watches', rulesOf({ fault: { kind: 'status', status: 410 }, methods: ['GET'], path: /\?.*(watch|limit)=/ })],
    ['429 with Retry-After', rulesOf({ fault: { kind: 'status', status: 429, retryAfterSeconds: 1 }, path: ownCalls })],
    ['500 on everything', rulesOf({ fault: { kind: 'status', status: 500 }, path: ownCalls })],
    ['503 on everything', rulesOf({ fault: { kind: 'status', status: 503 }, path: ownCalls })],
    ['connections broken before a call', rulesOf({ fault: { kind: 'reset', at: 'request' }, path: ownCalls })],
    ['connections broken after a write was done', rulesOf({ fault: { kind: 'reset', at: 'response' }, methods: writes, path: ownCalls })],
    ['calls that stall before they arrive', rulesOf({ fault: { kind: 'stall', at: 'request', ms: 500 }, path: ownCalls })],
    ['answers that stall', rulesOf({ fault: { kind: 'stall', at: 'response', ms: 500 }, path: ownCalls })],
    ['watches cut again and again', always({ fault: { kind: 'cut', afterMs: 300 }, path: watches })],
    ['watches that are told 410', always({ fault: { kind: 'gone-event', afterMs: 200 }, path: watches, count: 12 })],
    ['watch events told twice', always({ fault: { kind: 'duplicate-lines' }, path: watches })],
    ['slow answers', always({ fault: { kind: 'slow', bytesPerSecond: 8_000 }, path: ownCalls, count: 20 })],
    ['answers cut short', rulesOf({ fault: { kind: 'truncate', keepBytes: 40 }, path: ownCalls, methods: ['GET', 'PATCH'] })],
    ['writes done twice', rulesOf({ fault: { kind: 'duplicate-request' }, methods: writes, path: ownCalls })],
  ]

  it.each(rows)('%s: install, upgrade, prune and deletion converge', async (name, rules) => {
    const app = nameOf('api', name)
    const controllers = Object.keys(rules) as readonly ControllerName[]
    const before = controllers.map((each) => rig.api[each].injected().length)
    await rig.restart(() => controllers.forEach((each) => rig.api[each].use(rules[each])))
    await rig.live(app)
    for (const [index, each] of controllers.entries()) expect(`${each}: ${rig.api[each].injected().length}`).not.toBe(`${each}: ${before[index]}`)
    await rig.leave(app)
  })

  it('listings that fail make nothing look deleted', async () => {
    const app = 'listings'
    const [declared, fewer] = [stateOf('one', 'a', 'b'), stateOf('two', 'a')]
    const commit = await rig.apps.push(app, declared)
    await rig.apps.declare(app)
    await rig.apps.settle(app, declared, commit)
    const api = rig.api['kustomize-controller']
    const before = api.injected().length
    await rig.restart(() => api.use([{ fault: { kind: 'status', status: 500 }, methods: ['GET'], path: /\/(configmaps|secrets|serviceaccounts)\?/ }]))
    const next = await rig.apps.push(app, fewer)
    await rig.apps.repository.stored(next)
    await until('listings failed', async () => (api.injected().length > before + 3 ? true : undefined))
    rig.calm()
    await rig.explain(() => rig.apps.settle(app, fewer, next))
    await rig.leave(app)
  })
})

describe('a refused object', () => {
  it('does not tell the secret that made it wrong', async () => {
    const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'telling', namespace }, spec: { type: '${password}', ports: [{ port: 80 }] } }
    await rig.apps.repository.commit({ 'apps/telling/service.yaml': JSON.stringify(service) })
    await rig.apps.declare('telling')
    const refused = await until('it is refused', async () => {
      const ready = readyOf(await readKustomization(rig.flow.platform.kube, { namespace, name: 'telling' }))
      return ready?.status === 'False' && ready.reason === 'ReconciliationFailed' ? ready : undefined
    })
    expect(refused.message).toContain('Service/flows/telling')
    expect(findCanaries([canaries.variable], new Map([['its condition', refused.message]]))).toEqual([])
    await rig.leave('telling')
  })
})

describe('after all of it', () => {
  itLeavesNothingBehind(() => rig)
})
