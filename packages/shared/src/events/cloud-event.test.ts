import { describe, expect, it } from '@jest/globals'
import { artifactReadyId } from './bus.ts'
import { decodeEvent, encodeEvent, stamp } from './cloud-event.ts'
import { subjectOf } from './subject.ts'

const now = new Date('2026-01-02T03:04:05.678Z')
const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const subject = { kind: 'GitRepository', namespace: 'default', name: 'podinfo' }
const event = stamp({ type: 'artifact-ready', subject, facts: { revision: 'r' }, id: artifactReadyId('uid', '7') }, { now, traceparent })

describe('CloudEvents payload', () => {
  it('is a CloudEvent 1.0 in JSON', () => {
    expect(JSON.parse(encodeEvent(event, { cluster: 'prod eu', controller: 'source-controller' }))).toEqual({
      specversion: '1.0',
      id: 'uid/7',
      source: '/weir/prod%20eu/source-controller',
      type: 'dev.weir.artifact-ready',
      subject: 'GitRepository/default/podinfo',
      time: '2026-01-02T03:04:05.678Z',
      datacontenttype: 'application/json',
      traceparent,
      data: { revision: 'r' },
    })
  })

  it('is read back', () => {
    const message = { subject: subjectOf({ cluster: 'c', subject, type: 'artifact-ready' }), payload: Buffer.from(encodeEvent(event, { cluster: 'c', controller: 's' })), traceparent }
    expect(decodeEvent(message)).toEqual(event)
    expect(decodeEvent({ ...message, subject: subjectOf({ cluster: 'c', subject, type: 'failed' }) })).toBeUndefined()
  })

  it.each([
    [{ id: '' }], [{ id: 5 }], [{ time: 'yesterday' }], [{ time: undefined }], [{ specversion: '0.3' }], [{ type: 'x' }],
  ])('does not read %j', (change) => {
    const envelope = { ...(JSON.parse(encodeEvent(event, { cluster: 'c', controller: 's' })) as object), ...change }
    expect(decodeEvent({ subject: subjectOf({ cluster: 'c', subject, type: 'artifact-ready' }), payload: Buffer.from(JSON.stringify(envelope)), traceparent: undefined })).toBeUndefined()
  })

  it('takes an event with odd data for one without facts', () => {
    const envelope = { ...(JSON.parse(encodeEvent(event, { cluster: 'c', controller: 's' })) as object), data: [1] }
    const read = decodeEvent({ subject: subjectOf({ cluster: 'c', subject, type: 'artifact-ready' }), payload: Buffer.from(JSON.stringify(envelope)), traceparent: '' })
    expect(read).toMatchObject({ facts: {} })
    expect(read).not.toHaveProperty('traceparent')
  })
})
