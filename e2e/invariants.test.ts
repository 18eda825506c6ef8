import { describe, expect, it } from '@jest/globals'
import type { AuditEntry } from '@weir/shared/control-plane'
import { createJournal, findCanaries, findWrongDeletions, type AuditName } from './invariants.ts'

const configMap = (name: string): AuditName => ({ group: '', resource: 'configmaps', namespace: 'apps', name })
const [a, b] = [configMap('a'), configMap('b')]

function deletion(of: AuditName, atMs: number, changed: Partial<AuditEntry> = {}): AuditEntry {
  const at = new Date(atMs)
  return { verb: 'delete', subresource: '', user: '', userAgent: 'weir-kustomize-controller/0.1.0', code: 200, requestUri: '/x', startedAt: at, answeredAt: at, ...of, ...changed }
}

/** Both, pushed at 0; then `a` alone, pushed at 1,000 and applied at 2,000. */
function journalOfTwo(): ReturnType<typeof createJournal> {
  const clock = { nowMs: 0 }
  const journal = createJournal(() => clock.nowMs)
  journal.push('app', 'both', [a, b])
  clock.nowMs = 1_000
  journal.push('app', 'a', [a])
  journal.push('neighbour', 'nothing', [])
  clock.nowMs = 2_000
  journal.applied('app', 'a')
  return journal
}

const judge = (...audit: readonly AuditEntry[]): readonly string[] => findWrongDeletions({ audit, revisions: journalOfTwo().revisions() })

describe('nothing that the last good revision declares is ever deleted', () => {
  it('bites when a declared object is deleted', () => {
    expect(judge(deletion(a, 1_500))).toEqual([expect.stringContaining('delete configmaps apps/a: declared by app at both, a')])
    expect(judge(deletion(a, 9_000))).toEqual([expect.stringContaining('declared by app at a')])
  })

  it('bites when the object leaves only with a later revision', () => {
    expect(judge(deletion(b, 500))).toHaveLength(1)
  })

  it('bites when an older revision that is long replaced is applied again', () => {
    const journal = createJournal(() => 0)
    journal.push('app', 'without', [a])
    journal.push('app', 'with', [a, b])
    journal.applied('app', 'with')
    expect(findWrongDeletions({ audit: [deletion(b, 5_000)], revisions: journal.revisions() })).toHaveLength(1)
  })

  it('bites when a namespace is deleted with what is declared in it', () => {
    const apps = { group: '', resource: 'namespaces', namespace: '', name: 'apps' }
    expect(judge(deletion(apps, 500))).toHaveLength(1)
    expect(judge(deletion({ ...apps, name: 'other' }, 500))).toEqual([])
  })

  it('bites at every deletion of a collection', () => {
    expect(judge(deletion(configMap(''), 5_000, { verb: 'deletecollection' }))).toHaveLength(1)
  })

  it('lets go what a revision that is out does not declare', () => {
    expect(judge(deletion(b, 1_500), deletion(b, 9_000), deletion(configMap('never-declared'), 500))).toEqual([])
  })

  it('judges only what was deleted, and only by our controllers', () => {
    const unreal: Partial<AuditEntry>[] = [{ verb: 'get' }, { code: 409 }, { code: 404 }, { userAgent: 'kubectl' }, { requestUri: '/x?dryRun=All' }]
    expect(judge(...unreal.map((changed) => deletion(a, 500, changed)))).toEqual([])
  })
})

describe('a canary', () => {
  it.each(['canary/value', Buffer.from('canary/value').toString('base64'), 'canary%2Fvalue'])('is found as %s', (shape) => {
    const texts = new Map([
      ['log', `{"msg":"${shape}"}`],
      ['status', 'nothing to see'],
    ])
    expect(findCanaries(['canary/value'], texts)).toEqual(['log'])
  })
})
