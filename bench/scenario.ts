import type { Shape } from './fleet.ts'
import type { SystemName } from './system.ts'

export interface ScenarioOptions {
  readonly system: SystemName
  readonly n: number
  readonly shape: Shape
  readonly profile?: string | undefined
  /** Of the other system in the same run, measured before. */
  readonly beside?: Figures | undefined
  readonly onProgress: (line: string) => void
  /** Ends the run early, with nothing left behind. */
  readonly signal: AbortSignal
}

export type Figure = number | string | Readonly<Record<string, number>>
export type Figures = Readonly<Record<string, Figure>>

/** One row of the budgets in docs/benchmarks.md. */
export interface Scenario {
  /** Size of the table. */
  readonly n: number
  /** Size of Flux's side where nothing else is said: at that of the table it would take hours. Default: the same. */
  readonly fluxN?: (shape: Shape) => number
  readonly run: (options: ScenarioOptions) => Promise<Figures>
  readonly budgets: readonly Budget[]
}

/** A figure's upper bound, by its key; of a figure with several values: of each. */
export interface Budget {
  readonly key: string
  readonly most: number
}

export interface Verdict extends Budget {
  readonly value: number
  readonly isMet: boolean
}

/** Every budget beside what was measured. A figure that is missing is a mistake of the scenario. */
export function judge(figures: Figures, budgets: readonly Budget[]): readonly Verdict[] {
  return budgets.map((budget) => {
    const figure = figures[budget.key]
    const values = typeof figure === 'object' ? Object.values(figure) : [Number(figure)]
    const value = Math.max(...values)
    if (Number.isNaN(value)) throw new Error(`no figure ${budget.key}`)
    return { ...budget, value, isMet: value <= budget.most }
  })
}
