import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { parseAuditLine, readAuditLog, tailAuditLog } from './audit.ts'

const line = (fields: Record<string, unknown> = {}): string =>
  JSON.stringify({
    kind: 'Event',
    stage: 'ResponseComplete',
    requestURI: '/api/v1/namespaces/a/configmaps/b?dryRun=All&fieldManager=m',
    verb: 'patch',
    user: { username: 'system:serviceaccount:weir-system:kustomize-controller', groups: [] },
    userAgent: 'weir-kustomize-controller/0.1.0',
    objectRef: { resource: 'configmaps', namespace: 'a', name: 'b', apiVersion: 'v1' },
    responseStatus: { metadata: {}, code: 200 },
    requestReceivedTimestamp: '2026-01-02T03:04:05.100000Z',
    stageTimestamp: '2026-01-02T03:04:05.250000Z',
    ...fields,
  })

describe('an audit line', () => {
  it('is one call', () => {
    expect(parseAuditLine(line())).toEqual([
      {
        verb: 'patch',
        group: '',
        resource: 'configmaps',
        subresource: '',
        namespace: 'a',
        name: 'b',
        user: 'system:serviceaccount:weir-system:kustomize-controller',
        userAgent: 'weir-kustomize-controller/0.1.0',
        code: 200,
        requestUri: '/api/v1/namespaces/a/configmaps/b?dryRun=All&fieldManager=m',
        startedAt: new Date('2026-01-02T03:04:05.100Z'),
        answeredAt: new Date('2026-01-02T03:04:05.250Z'),
      },
    ])
  })

  it('of a call that is no resource has empty names', () => {
    const [entry] = parseAuditLine(line({ objectRef: undefined, verb: 'get', requestURI: '/apis' }))
    expect(entry).toMatchObject({ verb: 'get', resource: '', requestUri: '/apis' })
  })

  it.each([
    ['a watch that began', { verb: 'watch', stage: 'ResponseStarted' }, 1],
    ['a watch that ended', { verb: 'watch', stage: 'ResponseComplete' }, 0],
    ['a watch that was refused', { verb: 'watch', stage: 'ResponseComplete', responseStatus: { code: 410 } }, 1],
    ['an exec that began', { verb: 'create', stage: 'ResponseStarted', responseStatus: { code: 101 } }, 0],
    ['a login that was refused', { verb: 'get', stage: 'ResponseStarted', responseStatus: { code: 401 } }, 1],
    ['a call that broke the server', { verb: 'get', stage: 'Panic', responseStatus: { code: 500 } }, 1],
  ])('counts each call once: %s', (_, fields, times) => {
    expect(parseAuditLine(line(fields))).toHaveLength(times)
  })
})

describe('an audit log', () => {
  const state = { dir: '', path: '' }
  beforeEach(() => {
    state.dir = mkdtempSync(join(tmpdir(), 'weir-test-'))
    state.path = join(state.dir, 'audit.log')
  })
  afterEach(() => rmSync(state.dir, { recursive: true, force: true }))

  it('that does not exist yet holds no calls', async () => {
    expect(await readAuditLog(state.path)).toEqual([])
  })

  it('may be longer than one piece', async () => {
    const long = line({ userAgent: 'ü'.repeat(1000) })
    writeFileSync(state.path, `${long}\n`.repeat(9000))
    const entries = await readAuditLog(state.path)
    expect(entries).toHaveLength(9000)
    expect(entries.every(({ userAgent }) => userAgent === 'ü'.repeat(1000))).toBe(true)
  })

  it('is followed from now on, whole lines only', async () => {
    writeFileSync(state.path, `${line()}\n`)
    const tail = await tailAuditLog(state.path)
    expect(await tail.take()).toEqual([])
    const second = line({ verb: 'delete' })
    appendFileSync(state.path, second.slice(0, 40))
    expect(await tail.take()).toEqual([])
    appendFileSync(state.path, `${second.slice(40)}\n${line({ verb: 'list' })}\n`)
    expect((await tail.take()).map(({ verb }) => verb)).toEqual(['delete', 'list'])
    expect(await tail.take()).toEqual([])
  })
})
