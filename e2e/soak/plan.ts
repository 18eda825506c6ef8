import type { App } from './apps.ts'

/** What happens next, as an operator's day has it. */
export type Happening =
  | { readonly kind: 'change'; readonly apps: readonly App[] }
  | { readonly kind: 'toggle extra' | 'break' | 'fix' | 'delete by hand' | 'edit by hand' | 'delete kustomization' | 'create kustomization'; readonly app: App }
  | { readonly kind: 'change base'; readonly repository: string }

/** What was done to an app that somebody has to come back to. */
export interface Open {
  readonly app: App
  readonly sinceMs: number
}

export interface Situation {
  readonly apps: readonly App[]
  /** Oldest first. */
  readonly broken: readonly Open[]
  readonly gone: readonly Open[]
  readonly nowMs: number
}

const mostBroken = 3
const mostGone = 2
/** How long it takes somebody to notice. */
const noticedMs = 30_000

/** One draw of `random`, in [0, 1), for the kind, and one for each choice within it: the same seed, the same day. Repairs that are due come first. */
export function choose({ apps, broken, gone, nowMs }: Situation, random: () => number): Happening {
  const due = (open: readonly Open[]): App | undefined => (open[0] !== undefined && nowMs - open[0].sinceMs >= noticedMs ? open[0].app : undefined)
  const [fixable, missing] = [due(broken), due(gone)]
  if (fixable) return { kind: 'fix', app: fixable }
  if (missing) return { kind: 'create kustomization', app: missing }
  const healthy = apps.filter(({ isBroken, isGone }) => !isBroken && !isGone)
  const pick = (): App => pickOf(healthy, random)
  const draw = random()
  if (draw < 0.05 && broken.length < mostBroken) return { kind: 'break', app: pick() }
  if (draw < 0.09 && gone.length < mostGone) return { kind: 'delete kustomization', app: pick() }
  if (draw < 0.15) return { kind: 'delete by hand', app: pick() }
  if (draw < 0.21) return { kind: 'edit by hand', app: pick() }
  if (draw < 0.31) return { kind: 'toggle extra', app: pick() }
  if (draw < 0.32) return { kind: 'change base', repository: pick().repository }
  const first = pick()
  const neighbours = healthy.filter((each) => each.repository === first.repository && each !== first) // one commit is one repository's
  const others = neighbours.length === 0 ? [] : Array.from({ length: Math.floor(random() * 3) }, () => pickOf(neighbours, random))
  return { kind: 'change', apps: [...new Set([first, ...others])] }
}

function pickOf<T>(all: readonly T[], random: () => number): T {
  const picked = all[Math.floor(random() * all.length)]
  if (picked === undefined) throw new Error('nothing to choose from')
  return picked
}
