import type { FlowRepository } from '../flow.ts'
import type { Journal } from '../invariants.ts'
import { declaredBy, type App } from './apps.ts'

/** What was committed, and which declarations wait to be seen in the cluster. */
export interface Ledger {
  commit(repository: string, files: Readonly<Record<string, string | undefined>>, message: string): Promise<string>
  /** What an app declares has changed: told to the journal before `change` makes it visible. `change` gives the commit that has it, undefined: none will. */
  redeclare(app: App, message: string, change: () => Promise<string | undefined>): Promise<void>
  /** The app was seen ready at this commit. */
  seen(app: App, commit: string): void
  /** The newest commit of each repository. */
  last(): ReadonlyMap<string, string>
  /** How many there are. */
  commits(): number
}

export function createLedger(repositories: ReadonlyMap<string, Pick<FlowRepository, 'commit'>>, journal: Journal): Ledger {
  const order = new Map<string, string[]>([...repositories.keys()].map((name) => [name, []]))
  const awaited = new Map<string, { readonly commit: string; readonly label: string }>()
  const state = { redeclared: 0 }
  return {
    async commit(repository, files, message) {
      const remote = repositories.get(repository)
      if (remote === undefined) throw new Error(`no repository ${repository}`)
      const sha = await remote.commit(files, { message })
      order.get(repository)?.push(sha)
      return sha
    },
    async redeclare(app, message, change) {
      state.redeclared += 1
      const label = `${message} (${state.redeclared})`
      journal.push(app.name, label, declaredBy(app))
      awaited.delete(app.name) // the older one cannot be seen alone any more
      const sha = await change()
      if (sha !== undefined) awaited.set(app.name, { commit: sha, label })
    },
    seen(app, commit) {
      const wanted = awaited.get(app.name)
      const commits = order.get(app.repository) ?? []
      if (wanted === undefined || commits.indexOf(commit) < commits.indexOf(wanted.commit)) return
      awaited.delete(app.name)
      journal.applied(app.name, wanted.label)
    },
    last: () => new Map([...order].map(([name, commits]) => [name, commits.at(-1) ?? ''])),
    commits: () => [...order.values()].reduce((sum, commits) => sum + commits.length, 0),
  }
}
