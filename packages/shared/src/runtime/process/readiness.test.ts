import { describe, expect, it } from '@jest/globals'
import { setImmediate as turn } from 'node:timers/promises'
import { readiness } from './readiness.ts'

const never = new Promise<never>(() => undefined)

async function settled(promise: Promise<void>): Promise<string> {
  const told = promise.then(
    () => 'ready',
    (error: unknown) => String(error),
  )
  await turn()
  return Promise.race([told, turn('waits')])
}

describe('readiness', () => {
  it('of a leader waits until it works', async () => {
    const working = Promise.withResolvers<void>()
    const ready = readiness({ leading: Promise.resolve() }, Promise.resolve(), working.promise)
    expect(await settled(ready)).toBe('waits')
    working.resolve()
    expect(await settled(ready)).toBe('ready')
  })

  it('of a follower needs no more than its cache', async () => {
    expect(await settled(readiness({ leading: never }, Promise.resolve(), never))).toBe('ready')
    expect(await settled(readiness({ leading: never }, never, never))).toBe('waits')
  })

  it('rejects when the leader cannot work', async () => {
    expect(await settled(readiness({ leading: Promise.resolve() }, Promise.resolve(), Promise.reject(new Error('port taken'))))).toBe('Error: port taken')
  })

  it('does not mind that it is stopped before it leads', async () => {
    expect(await settled(readiness({ leading: Promise.reject(new Error('stopped')) }, Promise.resolve(), Promise.reject(new Error('stopped'))))).toBe('ready')
  })
})
