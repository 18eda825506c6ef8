import { describe, expect, it } from '@jest/globals'
import { failing } from '@weir/shared/runtime'
import { toKustomization } from '../../testing-world.ts'
import { apply } from './apply.ts'

const nothing = (): undefined => undefined

describe('apply', () => {
  it('ends where it could not be told in time what is owned', async () => {
    const late = failing({ reason: 'ReconciliationFailed', message: 'look at what is owned: not done within 60s' })
    const asked: string[] = []
    const step = Object.assign(
      async (name: string) => {
        asked.push(name)
        return late
      },
      { progress: nothing },
    )
    const kube = new Proxy({}, { get: (_, name) => asked.push(String(name)) })
    const kustomization = toKustomization({}, { status: { lastAppliedRevision: 'r', observedGeneration: 1 } })
    const context = { kustomization, owner: { namespace: 'apps', name: 'app' }, deps: { kube, live: { hold: nothing } }, step, run: { cause: 'interval', token: undefined } }
    expect(await apply(context as never, { revision: 'r', desired: [], inventory: [] } as never)).toBe(late)
    expect(asked).toEqual(['look at what is owned'])
  })
})
