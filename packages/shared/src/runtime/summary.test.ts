import { describe, expect, it } from '@jest/globals'
import type { Condition } from '@weir/shared/api'
import { isReady, isRecovery, summarise } from './summary.ts'
import { sourceTable, toy } from './toys/toy-table.ts'

const conditions = (states: Readonly<Record<string, string>>): readonly Condition[] =>
  Object.entries(states).map(([type, status]) => ({ type, status, reason: `${type}Reason`, message: type, lastTransitionTime: '' }) as Condition)

describe('summarise (contract 2.2)', () => {
  it.each<readonly [string, Readonly<Record<string, string>>, readonly [string, string] | undefined]>([
    ['nothing known', {}, undefined],
    ['only foreign conditions', { Foreign: 'False' }, undefined],
    ['a fact that holds', { ArtifactInStorage: 'True' }, ['True', 'ArtifactInStorage']],
    ['a fault over a fact that holds', { ArtifactInStorage: 'True', FetchFailed: 'True' }, ['False', 'FetchFailed']],
    ['of two faults the first of the order', { FetchFailed: 'True', StorageOperationFailed: 'True' }, ['False', 'StorageOperationFailed']],
    ['a fault before a fact that does not hold', { ArtifactInStorage: 'False', ArtifactOutdated: 'True' }, ['False', 'ArtifactOutdated']],
    ['a fact that does not hold over one that does', { SourceVerified: 'False', ArtifactInStorage: 'True' }, ['False', 'SourceVerified']],
    ['a failed verification over every fault', { SourceVerified: 'False', FetchFailed: 'True' }, ['False', 'SourceVerified']],
    ['a fault that is gone is good', { FetchFailed: 'False' }, ['True', 'FetchFailed']],
    ['a fact that holds before a fault that is gone', { FetchFailed: 'False', ArtifactInStorage: 'True' }, ['True', 'ArtifactInStorage']],
    ['unknown only when there is nothing else', { ArtifactInStorage: 'Unknown' }, ['Unknown', 'ArtifactInStorage']],
    ['anything before unknown', { ArtifactInStorage: 'Unknown', FetchFailed: 'False' }, ['True', 'FetchFailed']],
  ])('%s', (_, states, expected) => {
    const summary = summarise(sourceTable, conditions(states))
    expect(summary && [summary.status, summary.message]).toEqual(expected)
  })
})

describe('isReady', () => {
  it.each<readonly [Readonly<Record<string, string>>, boolean]>([
    [{ Ready: 'True' }, true],
    [{ Ready: 'True', Stalled: 'False' }, true],
    [{ Ready: 'True', Reconciling: 'True' }, false],
    [{ Ready: 'True', Stalled: 'True' }, false],
    [{ Ready: 'Unknown' }, false],
    [{}, false],
  ])('%j is %s', (states, expected) => {
    expect(isReady(toy({ status: { conditions: conditions(states) } }))).toBe(expected)
  })
})

describe('isRecovery', () => {
  it.each<readonly [string, Readonly<Record<string, string>>, boolean]>([
    ['after a failure', { Ready: 'False' }, true],
    ['after a fault that was told', { Ready: 'Unknown', FetchFailed: 'True' }, true],
    ['not after a mere new revision', { Ready: 'Unknown', ArtifactOutdated: 'True' }, false],
    ['not for a new object', {}, false],
    ['not while all was well', { Ready: 'True' }, false],
  ])('%s', (_, states, expected) => {
    expect(isRecovery(sourceTable, toy({ status: { conditions: conditions(states) } }))).toBe(expected)
  })
})
