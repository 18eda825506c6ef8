import { describe, expect, it } from '@jest/globals'
import { quietTelemetry } from '@weir/shared/telemetry'
import { createFakeClock } from '@weir/shared/testing'
import { createLimit, createSlots } from './queue/limit.ts'
import { createRunAbort, RunAborted, runStep, type OnStep, type StepMode, type StepOptions, type StepperOptions } from './step.ts'

function setUp(onStep?: OnStep) {
  const clock = createFakeClock()
  const slots = createSlots(createLimit(1), () => undefined)
  slots.enter()
  const abort = createRunAbort()
  const slot = { held: true, parkedMs: 0, slots }
  const stepper: StepperOptions = { clock, telemetry: quietTelemetry(), abort, slot, timedOut: { reason: 'TimedOut', blames: 'FetchFailed' }, onStep }
  const step = <T>(mode: StepMode, run: (signal: AbortSignal) => Promise<T>, options: StepOptions = {}) => runStep(stepper, mode, { name: 'fetch it', run, options })
  return { clock, slots, slot, abort, step }
}

/** Ends only when told to by its signal, as every step of ours does. */
const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }))

describe('step', () => {
  it('gives the value or the Stop of its body', async () => {
    const { step } = setUp()
    await expect(step('step', async () => 7)).resolves.toBe(7)
    const stop = { kind: 'stalled' as const, reason: 'A', message: 'b' }
    await expect(step('step', async () => stop)).resolves.toBe(stop)
  })

  it('fails with its name and the configured time at its deadline', async () => {
    const { step, clock } = setUp()
    const ended = step('step', untilAborted)
    await clock.advance(60_000)
    await expect(ended).resolves.toEqual({ kind: 'failing', reason: 'TimedOut', blames: 'FetchFailed', message: 'fetch it: not done within 60s', transient: false })
    expect(clock.pending()).toBe(0)
  })

  it('lets the body say itself what a deadline means', async () => {
    const { step, clock } = setUp()
    const stop = { kind: 'failing' as const, reason: 'HealthCheckFailed', message: 'timeout waiting for: [x]', transient: false }
    const ended = step('park', (signal) => untilAborted(signal).catch(() => stop), { deadlineMs: 300_000 })
    await clock.advance(300_000)
    await expect(ended).resolves.toBe(stop)
  })

  it.each<readonly [StepMode, boolean]>([
    ['step', true],
    ['park', true],
    ['critical', false],
  ])('%s is aborted by superseded: %s', async (mode, aborted) => {
    const { step, abort } = setUp()
    const ended = step(mode, async (signal) => {
      abort.end('superseded')
      signal.throwIfAborted()
      return 'written'
    })
    if (aborted) await expect(ended).rejects.toMatchObject({ why: 'superseded' })
    else await expect(ended).resolves.toBe('written')
  })

  it('begins no further stage in a run that is over', async () => {
    const { step, abort } = setUp()
    abort.end('superseded')
    let begun = false
    await expect(step('critical', async () => void (begun = true))).rejects.toBeInstanceOf(RunAborted)
    expect(begun).toBe(false)
  })

  it('ends a critical step when the lease is lost', async () => {
    const { step, abort } = setUp()
    const ended = step('critical', untilAborted)
    await new Promise(setImmediate)
    abort.end('superseded')
    abort.kill('lost-lease')
    await expect(ended).rejects.toMatchObject({ why: 'lost-lease' })
  })

  it('lets the abort speak whatever the body makes of it', async () => {
    const { step, abort } = setUp()
    const ended = step('step', (signal) => untilAborted(signal).catch(() => ({ kind: 'failing' as const, reason: 'GitOperationFailed', message: 'aborted', transient: true })))
    await new Promise(setImmediate)
    abort.end('superseded')
    await expect(ended).rejects.toMatchObject({ why: 'superseded' })
  })

  it('holds no worker while parked and takes one again to finish', async () => {
    const { step, slots, slot, clock } = setUp()
    const gate: { open?: () => void } = {}
    const ended = step('park', () => new Promise<string>((resolve) => (gate.open = () => resolve('healthy'))))
    await clock.advance(5_000)
    expect([slots.taken(), slot.held]).toEqual([0, false])
    slots.enter() // another run takes it
    gate.open?.()
    await clock.advance(1_000)
    expect(slot.held).toBe(false)
    slots.give()
    await expect(ended).resolves.toBe('healthy')
    expect([slots.taken(), slot.held, slot.parkedMs]).toEqual([1, true, 6_000])
  })

  it('tells each step before and after, and what the hook throws ends the run', async () => {
    const told: string[] = []
    const { step } = setUp((name, phase) => {
      told.push(`${phase} ${name}`)
      if (told.length === 3) throw new Error('injected')
    })
    await step('step', async () => 1)
    await expect(step('critical', async () => 2)).rejects.toThrow('injected')
    expect(told).toEqual(['begin fetch it', 'end fetch it', 'begin fetch it'])
  })

  it('lets a failure of the body fly', async () => {
    const { step, clock } = setUp()
    await expect(step('step', () => Promise.reject(new Error('bug')))).rejects.toThrow('bug')
    expect(clock.pending()).toBe(0)
  })
})
