import { describe, expect, it } from '@jest/globals'
import { setImmediate as turn } from 'node:timers/promises'
import { GitError } from './git-error.ts'
import { createSharing } from './share.ts'

interface Made {
  readonly signal: AbortSignal
  end(value: string): void
  fail(error: unknown): void
}

/** Work that ends when the test says so, and what was said of values that nobody took. */
function openWorkshop(): { readonly made: Made[]; readonly unused: string[]; ask(options?: { readonly signal?: AbortSignal; readonly endMs?: number }): Promise<string> } {
  const made: Made[] = []
  const unused: string[] = []
  const sharing = createSharing<string>({ unused: (value) => void unused.push(value) })
  const start = (signal: AbortSignal): Promise<string> => {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    made.push({ signal, end: resolve, fail: reject })
    return promise
  }
  return { made, unused, ask: ({ signal, endMs = performance.now() + 60_000 } = {}) => sharing.run('key', { signal, endMs, start }) }
}

const codeOf = (asked: Promise<string>): Promise<string> => asked.then(
  () => 'none',
  (error: unknown) => (error instanceof GitError ? error.code : 'another'),
)
const timeout = new GitError('timeout', 'timed out')

describe('a value', () => {
  it('that was made when all had left is told of', async () => {
    const { made, unused, ask } = openWorkshop()
    const leave = new AbortController()
    const asked = [codeOf(ask({ signal: leave.signal })), codeOf(ask({ signal: leave.signal }))]
    leave.abort()
    expect(await Promise.all(asked)).toEqual(['aborted', 'aborted'])
    expect([made.length, made[0]?.signal.aborted]).toEqual([1, true])
    made[0]?.end('value')
    await turn()
    await turn()
    expect(unused).toEqual(['value'])
  })

  it('that one takes is not, whoever left', async () => {
    const { made, unused, ask } = openWorkshop()
    const leave = new AbortController()
    const [left, stays] = [codeOf(ask({ signal: leave.signal })), ask()]
    leave.abort()
    made[0]?.end('value')
    expect([await left, await stays]).toEqual(['aborted', 'value'])
    await turn()
    await turn()
    expect(unused).toEqual([])
  })
})

describe('a deadline', () => {
  it('ends what it began, and nobody else: those who joined start once more, together', async () => {
    const { made, ask } = openWorkshop()
    const [short, one, two] = [codeOf(ask({ endMs: performance.now() })), ask(), ask()]
    made[0]?.fail(timeout)
    expect(await short).toBe('timeout')
    await turn()
    expect(made).toHaveLength(2)
    made[1]?.end('value')
    expect([await one, await two]).toEqual(['value', 'value'])
  })

  it('is kept by those who joined, too', async () => {
    const { made, ask } = openWorkshop()
    const asked = [codeOf(ask()), codeOf(ask({ endMs: performance.now() }))]
    made[0]?.fail(timeout)
    expect(await Promise.all(asked)).toEqual(['timeout', 'timeout'])
    expect(made).toHaveLength(1)
  })

  it('of somebody who has left meanwhile starts nothing', async () => {
    const { made, ask } = openWorkshop()
    const leave = new AbortController()
    const asked = [codeOf(ask()), codeOf(ask({ signal: leave.signal }))]
    made[0]?.fail(timeout)
    leave.abort()
    expect(await Promise.all(asked)).toEqual(['timeout', 'aborted'])
    expect(made).toHaveLength(1)
  })

  it('is the only failure that is tried again', async () => {
    const { made, ask } = openWorkshop()
    const asked = [codeOf(ask()), codeOf(ask())]
    made[0]?.fail(new GitError('unreachable', 'no'))
    expect(await Promise.all(asked)).toEqual(['unreachable', 'unreachable'])
    expect(made).toHaveLength(1)
  })
})
