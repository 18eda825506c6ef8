/** A difference that is meant: a line of docs/differences.md, and how to look past it in what either side printed. */
export interface Tolerance {
  /** The line's beginning, as it is written there. */
  readonly entry: string
  readonly commands: RegExp
  ease(lines: readonly string[]): readonly string[]
}

/** What no two runs have in common: addresses, commits, times, the widths of columns that hold them. */
export function withoutTimes(text: string): readonly string[] {
  return text
    .replaceAll(/127\.0\.0\.1:\d+/g, 'ADDRESS')
    .replaceAll(/\b[0-9a-f]{40}\b/g, 'COMMIT')
    .replaceAll(/@sha1:[0-9a-f]{7,8}\b/g, '@sha1:COMMIT')
    .replaceAll(/\d{4}-\d\d-\d\d[T ][0-9:.]+(Z| \+0000 UTC)/g, 'TIME')
    .split('\n')
    .map((line) => line.replaceAll(/[ \t]+/g, ' ').trimEnd())
}

export const tolerances: readonly Tolerance[] = [
  {
    entry: '**The message of a failed build names the file in the repository**',
    commands: /^(get|reconcile|events|trace|tree)/,
    ease: (lines) => lines.map((line) => line.replace(/(apps\/kept\/kustomization\.yaml: resources: |kustomize build failed: ).*nobody-committed-this\.yaml.*$/, 'BUILD FAILED nobody-committed-this.yaml')),
  },
  {
    entry: '**No core Events for traces.**',
    commands: /^events/,
    ease: (lines) => lines.filter((line) => !line.includes('no changes since last reconciliation') && !line.includes('garbage collected')),
  },
  {
    entry: '**A finished run gets a core Event only if objects changed or it recovered.**',
    commands: /^events/,
    ease: (lines) => lines.filter((line) => !line.includes('Reconciliation finished in')),
  },
  {
    entry: '**One core Event a run that succeeds**',
    commands: /^events/,
    // The list of changes is the first part of the event of the run, whose reason it has.
    ease: (lines) => lines.map((line) => (line.includes(' created') ? line.replace(/ (Progressing|ReconciliationSucceeded) /, ' REASON ') : line)),
  },
  {
    entry: '**Waiting is no event.**',
    commands: /^events/,
    ease: (lines) => lines.filter((line) => !line.includes('DependencyNotReady')),
  },
]

/** `events` has ages and counts in front, and is sorted by them: what is compared is which events there are. */
export function asEvents(lines: readonly string[]): readonly string[] {
  const told = lines.map((line) => line.replace(/^\S+( \(x\d+ over \S+\))? (Normal|Warning)/, '$2')).filter((line) => line !== '')
  return [...new Set(told)].toSorted()
}
