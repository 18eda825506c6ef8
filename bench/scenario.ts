import type { Shape } from './fleet.ts'
import type { Pace } from './pace.ts'
import type { SystemName } from './system.ts'

export interface ScenarioOptions {
  readonly system: SystemName
  readonly n: number
  readonly shape: Shape
  readonly pace: Pace
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

/** A figure's bounds, by its key; of a figure with several values: of each. */
export interface Budget {
  readonly key: string
  readonly most: number
  /** Default: none. */
  readonly least?: number
}

export interface Verdict extends Budget {
  /** The largest of several. */
  readonly value: number
  readonly isMet: boolean
}

/** Every budget beside what was measured. A figure that is missing, or is no number, is a mistake of the scenario: throws. */
export function judge(figures: Figures, budgets: readonly Budget[]): readonly Verdict[] {
  return budgets.map((budget) => {
    const values = valuesOf(figures[budget.key])
    if (values.length === 0 || !values.every(Number.isFinite)) throw new Error(`no figure ${budget.key}`)
    const [value, smallest] = [Math.max(...values), Math.min(...values)]
    return { ...budget, value, isMet: value <= budget.most && smallest >= (budget.least ?? -Infinity) }
  })
}

function valuesOf(figure: Figure | undefined): readonly number[] {
  if (typeof figure === 'number') return [figure]
  return typeof figure === 'object' ? Object.values(figure) : []
}

export interface End {
  /** Keys of the budgets that were missed, whatever the size. */
  readonly missed: readonly string[]
  /** 1 where one was missed at the size that it is for. */
  readonly exitCode: 0 | 1
}

/** What a run comes to. Throws as `judge` does. */
export function endOf(figures: Figures, { budgets, n }: Pick<Scenario, 'budgets' | 'n'>): End {
  const missed = judge(figures, budgets).flatMap(({ key, isMet }) => (isMet ? [] : [key]))
  return { missed, exitCode: missed.length > 0 && figures['n'] === n ? 1 : 0 }
}
