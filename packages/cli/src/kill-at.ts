import type { OnStep } from '@weir/shared/runtime'
import type { Env } from './world.ts'

export type KillAt =
  | { readonly kind: 'never' }
  | { readonly kind: 'at'; readonly onStep: OnStep }
  | { readonly kind: 'unreadable'; readonly message: string }

const variable = 'WEIR_TEST_KILL_AT'
const form = /^(?<step>[^/]+)\/(?<phase>begin|end)(?:\/(?<nth>[1-9]\d{0,5}))?$/

/**
 * A hook for tests of crashes, in no help: `WEIR_TEST_KILL_AT="<step>/<begin|end>[/n]"` lets the process kill itself with SIGKILL, as
 * no signal handler could prevent, when the step begins or has ended for the n-th time (default 1) in any of its runs. Steps are named
 * where they are taken (`prune`, `store artifact`, `write status: ready`).
 */
export function killAt(env: Env, kill: () => void = () => process.kill(process.pid, 'SIGKILL')): KillAt {
  const text = env[variable] ?? ''
  if (text === '') return { kind: 'never' }
  const { step, phase, nth = '1' } = form.exec(text)?.groups ?? {}
  if (step === undefined) return { kind: 'unreadable', message: `${variable}=${text} is not <step>/<begin|end>[/n]` }
  const state = { left: Number(nth) }
  return {
    kind: 'at',
    onStep(name, reached) {
      if (name !== step || reached !== phase) return
      state.left -= 1
      if (state.left === 0) kill()
    },
  }
}
