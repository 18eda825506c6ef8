import { describe, expect, it } from '@jest/globals'
import { maxConditionMessageBytes, type Condition } from '@weir/shared/api'
import type { KindTable } from './kind-table.ts'
import { failing, failingTransiently, ready, stalled, waiting, type Outcome } from './outcome.ts'
import { deriveStatus, type Verdict } from './status.ts'
import { appTable, sourceTable, toy, type Toy } from './toys/toy-table.ts'

const now = new Date('2026-03-04T05:06:07.890Z')
const nowText = '2026-03-04T05:06:07Z'
const earlier = '2026-01-01T00:00:00Z'

type Row = readonly [type: string, status: string, reason: string, message: string]

function condition(...[type, status, reason, message = reason]: [type: string, status: string, reason: string, message?: string]): Condition {
  return { type, status, reason, message, observedGeneration: 1, lastTransitionTime: earlier } as Condition
}

function derive(table: typeof sourceTable, verdict: Verdict, given: { readonly status?: Toy['status']; readonly token?: string } = {}) {
  const object = toy({ generation: 2, ...(given.status ? { status: given.status } : {}) })
  return deriveStatus({ table, object, verdict, run: { generation: 2, token: given.token }, notes: {}, now }) as NonNullable<Toy['status']>
}

function rows(status: Toy['status']): readonly Row[] {
  return (status?.conditions ?? []).map(({ type, status: value, reason, message }) => [type, value, reason, message] as const)
}

const why = { reason: 'Broken', message: 'it broke' }
const stuck = { conditions: [condition('Stalled', 'True', 'Old'), condition('Ready', 'False', 'Old')], observedGeneration: 1 }
const good = { conditions: [condition('Ready', 'True', 'Succeeded', 'stored')], observedGeneration: 1 }
const retrying = {
  conditions: [condition('Reconciling', 'True', 'Progressing', 'building'), condition('Ready', 'False', 'Old')],
  observedGeneration: 1,
}

interface Case {
  readonly name: string
  readonly verdict: Verdict
  readonly status?: Toy['status']
  readonly app: readonly Row[]
  readonly appGeneration: number | undefined
  readonly source?: readonly Row[]
  readonly sourceGeneration?: number
  readonly echoes: boolean
}

/** HOUSE's outcome table, row by row, for both kinds of kind. */
const cases: readonly Case[] = [
  {
    name: 'running: Ready is unknown for an app and stays as it is for a source that only looks; Stalled goes',
    verdict: { kind: 'running', progress: { message: 'Building' } },
    status: { ...stuck },
    app: [
      ['Reconciling', 'True', 'Progressing', 'Building'],
      ['Ready', 'Unknown', 'Progressing', 'Reconciliation in progress'],
    ],
    source: [
      ['Reconciling', 'True', 'Progressing', 'Building'],
      ['Ready', 'False', 'Old', 'Old'],
    ],
    appGeneration: 1,
    echoes: false,
  },
  {
    name: 'ready: True, nothing else, the generation is observed',
    verdict: ready('Succeeded', 'stored'),
    status: { ...retrying },
    app: [['Ready', 'True', 'Succeeded', 'stored']],
    appGeneration: 2,
    echoes: true,
  },
  {
    name: 'waiting: False, will retry, Stalled goes, the generation is not observed',
    verdict: waiting(why, 1000),
    status: { ...stuck },
    app: [
      ['Reconciling', 'True', 'ProgressingWithRetry', 'it broke'],
      ['Ready', 'False', 'Broken', 'it broke'],
    ],
    appGeneration: 1,
    echoes: true,
  },
  {
    name: 'failing: as waiting',
    verdict: failing(why),
    status: { ...good },
    app: [
      ['Reconciling', 'True', 'ProgressingWithRetry', 'it broke'],
      ['Ready', 'False', 'Broken', 'it broke'],
    ],
    appGeneration: 1,
    echoes: true,
  },
  {
    name: 'stalled: Stalled and not Ready, Reconciling goes, the generation is observed',
    verdict: stalled(why),
    status: { ...retrying },
    app: [
      ['Stalled', 'True', 'Broken', 'it broke'],
      ['Ready', 'False', 'Broken', 'it broke'],
    ],
    appGeneration: 2,
    echoes: true,
  },
  {
    name: 'suspended while ready: Reconciling goes, the generation is observed',
    verdict: { kind: 'suspended' },
    status: { conditions: [condition('Reconciling', 'True', 'Progressing'), condition('Ready', 'True', 'Succeeded')], observedGeneration: 1 },
    app: [['Ready', 'True', 'Succeeded', 'Succeeded']],
    appGeneration: 2,
    echoes: true,
  },
  {
    name: 'suspended while not ready: an app stays as it is, a source observes and will retry',
    verdict: { kind: 'suspended' },
    status: { ...retrying },
    app: [
      ['Reconciling', 'True', 'Progressing', 'building'],
      ['Ready', 'False', 'Old', 'Old'],
    ],
    source: [
      ['Reconciling', 'True', 'ProgressingWithRetry', 'building'],
      ['Ready', 'False', 'Old', 'Old'],
    ],
    appGeneration: 1,
    sourceGeneration: 2,
    echoes: true,
  },
  {
    name: 'suspended while stalled: an app stays stalled, a source does not',
    verdict: { kind: 'suspended' },
    status: { ...stuck },
    app: [
      ['Stalled', 'True', 'Old', 'Old'],
      ['Ready', 'False', 'Old', 'Old'],
    ],
    source: [['Ready', 'False', 'Old', 'Old']],
    appGeneration: 1,
    sourceGeneration: 2,
    echoes: true,
  },
  {
    name: 'unfinished: as found',
    verdict: { kind: 'unfinished' },
    status: { ...retrying },
    app: [
      ['Reconciling', 'True', 'Progressing', 'building'],
      ['Ready', 'False', 'Old', 'Old'],
    ],
    appGeneration: 1,
    echoes: false,
  },
]

describe('deriveStatus', () => {
  for (const each of cases) {
    const status = each.status ?? { observedGeneration: 1 }
    it(`app, ${each.name}`, () => {
      const next = derive(appTable, each.verdict, { status, token: 'now' })
      expect(rows(next)).toEqual(each.app)
      expect(next.observedGeneration).toBe(each.appGeneration)
      expect(next.lastHandledReconcileAt).toBe(each.echoes ? 'now' : undefined)
    })
    it(`source, ${each.name}`, () => {
      const next = derive(sourceTable, each.verdict, { status, token: 'now' })
      expect(rows(next)).toEqual(each.source ?? each.app)
      expect(next.observedGeneration).toBe(each.sourceGeneration ?? each.appGeneration)
    })
  }

  it('blames a fault by making it True and takes Ready from the summary', () => {
    const next = derive(sourceTable, failingTransiently({ ...why, blames: 'FetchFailed', blamesMessage: 'no route' }))
    expect(rows(next)).toEqual([
      ['Reconciling', 'True', 'ProgressingWithRetry', 'it broke'],
      ['Ready', 'False', 'Broken', 'no route'],
      ['FetchFailed', 'True', 'Broken', 'no route'],
    ])
  })

  it('blames a fact by making it False, with its own message where Ready says more', () => {
    const next = derive(appTable, failing({ reason: 'HealthCheckFailed', message: 'health check failed after 5m: x', blames: 'Healthy', blamesMessage: 'x' }))
    expect(rows(next)).toContainEqual(['Healthy', 'False', 'HealthCheckFailed', 'x'])
    expect(rows(next)).toContainEqual(['Ready', 'False', 'HealthCheckFailed', 'health check failed after 5m: x'])
  })

  it('keeps a fault until ready, drops another at the next verdict', () => {
    const status = { conditions: [condition('StorageOperationFailed', 'True', 'Full'), condition('ArtifactOutdated', 'True', 'NewRevision')] }
    const next = derive(sourceTable, failing({ ...why, blames: 'FetchFailed' }), { status })
    expect(rows(next).map(([type]) => type)).toEqual(['Reconciling', 'Ready', 'FetchFailed', 'ArtifactOutdated'])
    expect(rows(derive(sourceTable, ready('Succeeded', 'stored', ['ArtifactInStorage']), { status })).map(([type]) => type)).toEqual([
      'Ready',
      'ArtifactInStorage',
    ])
  })

  it('lets an unverified source be not ready whatever else is true', () => {
    const status = { conditions: [condition('ArtifactOutdated', 'True', 'NewRevision')] }
    const next = derive(sourceTable, failing({ reason: 'InvalidCommitSignature', message: 'unsigned', blames: 'SourceVerified' }), { status })
    expect(rows(next)).toContainEqual(['Ready', 'False', 'InvalidCommitSignature', 'unsigned'])
    expect(rows(next)).toContainEqual(['SourceVerified', 'False', 'InvalidCommitSignature', 'unsigned'])
  })

  it('deletes facts that do not hold, and gives those that do their own text where they have one', () => {
    const status = { conditions: [condition('Healthy', 'False', 'HealthCheckFailed')] }
    expect(rows(derive(appTable, ready('ReconciliationSucceeded', 'Applied revision: r'), { status }))).toEqual([
      ['Ready', 'True', 'ReconciliationSucceeded', 'Applied revision: r'],
    ])
    expect(rows(derive(appTable, ready('ReconciliationSucceeded', 'Applied revision: r', ['Healthy']), { status }))).toContainEqual([
      'Healthy',
      'True',
      'Succeeded',
      'Health check passed',
    ])
    const verified = { type: 'SourceVerified', reason: 'Succeeded', message: 'verified signature of abc' }
    expect(rows(derive(sourceTable, ready('Succeeded', 'stored', ['ArtifactInStorage', verified])))).toContainEqual([
      'SourceVerified',
      'True',
      'Succeeded',
      'verified signature of abc',
    ])
  })

  it('turns a source unknown while it builds and while nothing is known of it', () => {
    const raises = [{ type: 'ArtifactOutdated', reason: 'NewRevision', message: 'new upstream revision' }]
    const building: Verdict = { kind: 'running', progress: { message: "building artifact: new upstream revision 'r'", raises } }
    const ofGood = rows(derive(sourceTable, building, { status: good }))
    expect(ofGood).toContainEqual(['Ready', 'Unknown', 'Progressing', "building artifact: new upstream revision 'r'"])
    expect(ofGood).toContainEqual(['ArtifactOutdated', 'True', 'NewRevision', 'new upstream revision'])
    expect(rows(derive(sourceTable, { kind: 'running', progress: { message: 'looking' } }))).toContainEqual(['Ready', 'Unknown', 'Progressing', 'looking'])
  })

  it('shows a fact as unknown while it is being checked', () => {
    const verdict: Verdict = { kind: 'running', progress: { message: 'Running health checks', checks: ['Healthy'] } }
    expect(rows(derive(appTable, verdict, { status: good }))).toContainEqual(['Healthy', 'Unknown', 'Progressing', 'Running health checks'])
  })

  it('carries foreign conditions over and orders the list', () => {
    const foreign = { ...condition('Audited', 'True', 'ByHand'), observedGeneration: 7 } as Condition
    const status = { conditions: [foreign, condition('Zebra', 'True', 'X'), condition('Ready', 'False', 'Old')] }
    const next = derive(sourceTable, stalled({ ...why, blames: 'FetchFailed' }), { status })
    expect(next.conditions?.map(({ type }) => type)).toEqual(['Stalled', 'Ready', 'Audited', 'FetchFailed', 'Zebra'])
    expect(next.conditions).toContainEqual(foreign)
  })

  it.each<readonly [string, Outcome, boolean]>([
    ['keeps the time of an unchanged condition', ready('Succeeded', 'stored'), false],
    ['moves the time with the message', ready('Succeeded', 'stored anew'), true],
    ['moves the time with the reason', ready('Other', 'stored'), true],
    ['moves the time with the status', failing({ reason: 'Succeeded', message: 'stored' }), true],
  ])('%s', (_, outcome, moves) => {
    const found = derive(appTable, outcome, { status: good }).conditions?.find(({ type }) => type === 'Ready')
    expect(found).toMatchObject({ lastTransitionTime: moves ? nowText : earlier, observedGeneration: 2 })
  })

  it('keeps the observedGeneration of Ready when an app is suspended', () => {
    const suspended: Verdict = { kind: 'suspended' }
    const generationOf = (table: typeof sourceTable): unknown => derive(table, suspended, { status: good }).conditions?.[0]?.observedGeneration
    expect(generationOf(appTable)).toBe(1)
    expect(generationOf(sourceTable)).toBe(2)
  })

  it('cuts a message at 32768 bytes, never inside a character', () => {
    const long = derive(appTable, failing({ reason: 'Broken', message: '€'.repeat(20_000) })).conditions?.find(({ type }) => type === 'Ready')?.message ?? ''
    expect(Buffer.byteLength(long)).toBeLessThanOrEqual(maxConditionMessageBytes)
    expect(long).toMatch(/^€+\.\.\.$/)
    expect(Buffer.byteLength(long)).toBeGreaterThan(maxConditionMessageBytes - 4)
  })

  it('takes notes in, drops what they drop, and keeps what it does not know', () => {
    const status = { revision: 'a', url: 'u', future: 1 } as Toy['status']
    const object = toy({ generation: 1, ...(status ? { status } : {}) })
    const next = deriveStatus({ table: sourceTable, object, verdict: { kind: 'unfinished' }, run: { generation: 1, token: undefined }, notes: { revision: 'b', url: undefined }, now })
    expect(next).toEqual({ revision: 'b', future: 1 })
  })

  it('lets the kind have its say on notes over what is stored', () => {
    const table: KindTable<Toy> = { ...sourceTable, amend: (notes, { status }) => ({ ...notes, url: `${status?.url} and ${notes.url}` }) }
    const object = toy({ status: { url: 'theirs' } })
    const next = deriveStatus({ table, object, verdict: { kind: 'unfinished' }, run: { generation: 1, token: undefined }, notes: { revision: 'b', url: 'ours' }, now })
    expect(next).toEqual({ revision: 'b', url: 'theirs and ours' })
  })

  it('refuses a word that is not in the vocabulary', () => {
    expect(() => derive(appTable, failing({ ...why, blames: 'FetchFaild' }))).toThrow('FetchFaild')
    expect(() => derive(appTable, ready('A', 'b', ['Helthy']))).toThrow('Helthy')
  })

  it('is stable: deriving from its own result changes nothing', () => {
    for (const { verdict } of cases) {
      const once = derive(sourceTable, verdict, { status: retrying, token: 't' })
      const later = new Date(now.getTime() + 60_000)
      const object = toy({ generation: 2, status: once })
      expect(deriveStatus({ table: sourceTable, object, verdict, run: { generation: 2, token: 't' }, notes: {}, now: later })).toEqual(once)
    }
  })
})
