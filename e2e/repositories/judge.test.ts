import { describe, expect, it } from '@jest/globals'
import { judge, plainly, type Asked, type Case, type Verdict } from './judge.ts'
import type { OfficialBuild } from './official.ts'
import type { Attempt, FailedAttempt } from './ours.ts'

const text = 'a: 1\n'
const built: Attempt = { kind: 'built', key: 'k', fresh: true, objects: [{ json: '{"a":1}', yaml: text }] }
const failed = (code: FailedAttempt['code']): Attempt => ({ kind: 'failed', code, message: 'a.yaml: no', file: 'a.yaml', line: undefined })
const documents: OfficialBuild = { kind: 'built', documents: [text] }
const refuses = (message: string): OfficialBuild => ({ kind: 'failed', message })

/** Answers plain asking with the first, any other with what `others` says. */
function official(plain: OfficialBuild, others: (asked: Asked) => OfficialBuild = () => plain): Case['ask'] {
  return async (asked) => (JSON.stringify(asked) === JSON.stringify(plainly) ? plain : others(asked))
}

const weigh = (ours: Attempt, ask: Case['ask'], more: Partial<Case> = {}): Promise<Verdict> => judge({ ours, ask, listsNothing: false, faultsOf: () => [], ...more })

describe('the verdict', () => {
  it.each<readonly [string, Attempt, Case['ask'], Partial<Verdict>]>([
    ['equal where both give the same', built, official(documents), { kind: 'equal', ways: [] }],
    ['failed where both fail', failed('input'), official(refuses('no')), { kind: 'failed' }],
    ['remote where the command missed the network', failed('remote'), official(refuses("no 'git' program on path")), { kind: 'remote' }],
    ['failed where ours says remote and the command something else', failed('remote'), official(refuses('no such file')), { kind: 'failed' }],
    ['differs where ours calls remote what builds without a network', failed('remote'), official(documents), { kind: 'differs' }],
    ['refused for a link where the command needs it too', failed('missing'), official(documents, () => refuses('no such file')), { kind: 'refused', rule: 'a link' }],
    ['differs where the command needs no link', failed('missing'), official(documents), { kind: 'differs' }],
    ['refused for a path out of the source', failed('escapes'), official(documents), { kind: 'refused', rule: 'leaves the source' }],
    ['refused for a limit', failed('resource'), official(documents), { kind: 'refused', rule: 'a limit' }],
    ['differs where the command builds without its load restriction', failed('missing'), official(refuses("security; file 'a' is not in"), ({ unrestricted }) => (unrestricted ? documents : refuses('no'))), { kind: 'differs', why: ['builds officially (unrestricted); ours: missing: a.yaml: no'] }],
    ['differs where the command builds with a field dropped', failed('input'), official(refuses('unknown field "x"'), ({ lenient }) => (lenient[0] === 'x' ? documents : refuses('no'))), { kind: 'differs', why: ['builds officially (unknown fields dropped); ours: input: a.yaml: no'] }],
    ['differs where the command builds in two ways together', failed('input'), official(refuses("security; file 'a' is not in"), ({ lenient }) => (lenient[0] === 'x' ? documents : refuses('unknown field "x"'))), { kind: 'differs', why: ['builds officially (unrestricted, unknown fields dropped); ours: input: a.yaml: no'] }],
    ['differs where only a link keeps the command from building', failed('input'), official(refuses('no'), ({ withoutLinks }) => (withoutLinks ? documents : refuses('no'))), { kind: 'differs' }],
    ['failed where both fail, however the command is asked', failed('input'), official(refuses("security; file 'a' is not in"), () => refuses('no')), { kind: 'failed' }],
    ['refused for a path out of the source that only the unrestricted command follows', failed('escapes'), official(refuses("security; file 'a' is not in"), () => documents), { kind: 'refused', rule: 'leaves the source' }],
    ['refused for a link that the unrestricted command needs too', failed('missing'), official(refuses("security; file 'a' is not in"), ({ withoutLinks }) => (withoutLinks ? refuses('no such file') : documents)), { kind: 'refused', rule: 'a link' }],
    ['remote where the unrestricted command missed the network', failed('remote'), official(refuses("security; file 'a' is not in"), () => refuses("no 'git' program on path")), { kind: 'remote' }],
    ['equal without the load restriction', built, official(refuses("security; file 'a' is not in"), ({ unrestricted }) => (unrestricted ? documents : refuses('no'))), { kind: 'equal', ways: ['unrestricted'] }],
    ['equal with a field dropped', built, official(refuses('unknown field "x"'), ({ lenient }) => (lenient[0] === 'x' ? documents : refuses('no'))), { kind: 'equal', ways: ['unknown fields dropped'] }],
    ['differs where ours builds what the command refuses', built, official(refuses('no')), { kind: 'differs' }],
    ['differs for an object too few', { ...built, objects: [] }, official(documents), { kind: 'differs' }],
    ['differs for another text', { ...built, objects: [{ json: '{"a":1}', yaml: 'a: "1"\n' }] }, official(documents), { kind: 'differs' }],
    ['differs for another JSON of the same text', { ...built, objects: [{ json: '{"a":1.5}', yaml: text }] }, official(documents), { kind: 'differs' }],
  ])('is %s', async (_name, ours, ask, expected) => {
    expect(await weigh(ours, ask)).toMatchObject(expected)
  })

  it('gives origins only to a top file that lists nothing', async () => {
    const ask = official(refuses('kustomization.yaml is empty'), ({ origins }) => (origins ? documents : refuses('no')))
    expect(await weigh(built, ask)).toMatchObject({ kind: 'differs' })
    expect(await weigh(built, ask, { listsNothing: true })).toMatchObject({ kind: 'equal', ways: ['origins of an empty top file'] })
  })

  it('differs where a top file that lists nothing builds with origins, and ours fails', async () => {
    const ask = official(refuses('kustomization.yaml is empty'), ({ origins }) => (origins ? documents : refuses('no')))
    expect(await weigh(failed('input'), ask)).toEqual({ kind: 'failed' })
    expect(await weigh(failed('input'), ask, { listsNothing: true })).toMatchObject({ kind: 'differs' })
  })

  it('differs for an error that says nothing to its reader, even where both fail', async () => {
    expect(await weigh(failed('input'), official(refuses('no')), { faultsOf: () => ['names no file'] })).toEqual({ kind: 'differs', why: ['names no file'] })
  })
})
