import { judge, type Budget, type Figure, type Figures, type Scenario } from './scenario.ts'

export interface Measurements {
  readonly ours: Figures
  readonly flux?: Figures | undefined
  readonly scenario: Pick<Scenario, 'budgets' | 'n'>
}

/** Figures in rows, Flux's and the budgets beside ours; the budgets are for the size in docs/benchmarks.md. */
export function tableOf({ ours, flux, scenario: { budgets, n } }: Measurements): string {
  const verdicts = new Map(judge(ours, budgets).map((verdict) => [verdict.key, verdict]))
  const rows = Object.entries(ours).map(([key, figure]) => {
    const verdict = verdicts.get(key)
    const theirs = flux === undefined ? '' : textOf(flux[key]).padEnd(28)
    return `${key.padEnd(30)}${textOf(figure).padEnd(28)}${theirs}${verdict === undefined ? '' : ` ${verdict.isMet ? 'within' : 'MISSED'} ${boundOf(verdict)}`}`.trimEnd()
  })
  const head = flux === undefined ? [] : [`${''.padEnd(30)}${'weir'.padEnd(28)}flux`]
  const note = ours['n'] === n ? [] : [`(the budgets are for n = ${n})`]
  return [...head, ...rows, ...note].join('\n')
}

function boundOf({ least, most }: Budget): string {
  if (least === undefined) return `≤ ${most}`
  return least === most ? `= ${most}` : `${least} to ${most}`
}

/** A figure that Flux does not have is a dash. */
function textOf(figure: Figure | undefined): string {
  if (figure === undefined) return '-'
  return typeof figure === 'object' ? Object.entries(figure).map(([name, value]) => `${name} ${value}`).join(', ') : String(figure)
}
