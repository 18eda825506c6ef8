import { describe, expect, it } from '@jest/globals'
import { maskSecret, maskValues } from './mask.ts'

const secret = (data: Record<string, unknown>, stringData: Record<string, unknown> = {}) => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' }, data, stringData })

describe('maskSecret', () => {
  it.each([
    ['as written', 'Invalid value: "aHVudGVyMg=="'],
    ['decoded', 'cannot parse hunter2 as a key'],
  ])('hides a value %s', (_how, text) => {
    expect(maskSecret(text, secret({ password: 'aHVudGVyMg==' }))).not.toMatch(/aHVudGVyMg|hunter2/)
  })

  it('hides stringData and values of the wrong type, which errors repeat', () => {
    const text = '.data.pin: expected string, got &value.valueUnstructured{Value:1234}; .stringData.x: swordfish'
    expect(maskSecret(text, secret({ pin: 1234 }, { x: 'swordfish' }))).toBe('.data.pin: expected string, got &value.valueUnstructured{Value:*****}; .stringData.x: *****')
  })

  it('hides each line of a long value', () => {
    const key = Buffer.from('line one of it\nline two of it\n').toString('base64')
    expect(maskSecret('bad: line two of it', secret({ key }))).toBe('bad: *****')
  })

  it('hides a short value only where it stands alone', () => {
    expect(maskSecret('no value "no" is valid, not even no', secret({}, { a: 'no' }))).toBe('no value "*****" is valid, not even no')
  })

  it('leaves text about other kinds alone', () => {
    expect(maskSecret('hunter2', { ...secret({ a: 'aHVudGVyMg==' }), kind: 'ConfigMap' })).toBe('hunter2')
  })
})

it('hides the longer of two values first', () => {
  expect(maskValues('token token-and-more', ['token', 'token-and-more'])).toBe('***** *****')
})
