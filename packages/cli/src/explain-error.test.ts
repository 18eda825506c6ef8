import { describe, expect, it } from '@jest/globals'
import { ControlPlaneError } from '@weir/shared/control-plane'
import { KubeError } from '@weir/shared/kube'
import { explainError, isAbort } from './explain-error.ts'

describe('explainError', () => {
  it.each([
    [new KubeError('unreachable', 'x'), 3],
    [new KubeError('config', 'x'), 3],
    [new KubeError('unauthorized', 'x'), 3],
    [new KubeError('forbidden', 'x'), 1],
    [new ControlPlaneError('no-go', 'x'), 3],
    [new ControlPlaneError('start', 'x'), 1],
    [new Error('x'), 1],
    ['x', 1],
  ])('%p', (error, exitCode) => expect(explainError(error, { verbose: false })).toMatchObject({ exitCode, message: expect.stringMatching(/^x/) }))

  it('shows the stack of a bug where asked for, and no password', () => {
    const bug = new Error('at https://me:hunter22@host/')
    const { message } = explainError(bug, { verbose: true })
    expect(message).toMatch(/explain-error\.test/)
    expect(message).not.toContain('hunter22')
  })
})

describe('isAbort', () => {
  const stopped = AbortSignal.abort(new Error('stopped'))
  it.each([
    [new KubeError('aborted', 'x'), stopped, true],
    [stopped.reason, stopped, true],
    [new KubeError('forbidden', 'x'), stopped, false],
    [new KubeError('aborted', 'x'), new AbortController().signal, false],
  ])('%p', (error, signal, expected) => expect(isAbort(error, signal)).toBe(expected))
})
