import { describe, expect, it } from '@jest/globals'
import { createHealth } from './health.ts'

describe('health', () => {
  it('names what is not ready, of every controller, sorted', () => {
    const state = { a: false, b: false, alive: true }
    const health = createHealth()
    health.of('source').ready('cache', () => state.b)
    health.of('kustomize').ready('cache', () => state.a)
    health.of('kustomize').healthy('loop', () => state.alive)
    expect(health.answer('/readyz')).toEqual({ status: 500, body: '[-]kustomize/cache not ready\n[-]source/cache not ready\n' })
    expect(health.answer('/healthz')).toEqual({ status: 200, body: 'ok' })
    state.a = true
    state.b = true
    state.alive = false
    expect(health.answer('/readyz')).toEqual({ status: 200, body: 'ok' })
    expect(health.answer('/healthz')).toMatchObject({ status: 500 })
    expect(health.answer('/')).toMatchObject({ status: 404 })
  })
})
