import { existsSync, readFileSync } from 'node:fs'

// Loaded into a controller before anything else (`shifted-clock.ts`): its wall clock is off by what a file says, if it is there, read anew at SIGUSR2.
// What monotonic clocks and timers say stays as it is, as when somebody sets the clock of a machine.

const file = process.env['WEIR_TEST_CLOCK'] ?? ''
const RealDate = Date
const readOffset = (): number => (existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0)
const state = { offsetMs: readOffset() }

process.on('SIGUSR2', () => {
  state.offsetMs = readOffset()
})

globalThis.Date = new Proxy(RealDate, {
  apply: () => new RealDate(RealDate.now() + state.offsetMs).toString(),
  construct: (target, args: readonly unknown[], newTarget: typeof Date) =>
    Reflect.construct(target, args.length === 0 ? [RealDate.now() + state.offsetMs] : args, newTarget) as Date,
  get: (target, name, receiver) => (name === 'now' ? () => RealDate.now() + state.offsetMs : (Reflect.get(target, name, receiver) as unknown)),
})
