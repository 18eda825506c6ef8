import { describe, expect, it } from '@jest/globals'
import { canonicalJson, parseJson } from './canonical.ts'
import { jsonOf } from './yaml.ts'

describe('canonicalJson', () => {
  it('is the same for equal values, whatever the order of their keys', () => {
    expect(canonicalJson({ b: [{ y: 1, x: 2 }], a: null })).toBe('{"a":null,"b":[{"x":2,"y":1}]}')
  })

  it('keeps a key that JavaScript would take for the prototype', () => {
    expect(canonicalJson(JSON.parse('{"__proto__":{"a":1}}'))).toBe('{"__proto__":{"a":1}}')
  })
})

describe('parseJson', () => {
  it.each(['9223372036854775807', '-9223372036854775808', '12345678901234567890', '9007199254740993'])('keeps every digit of %s', (digits) => {
    expect(jsonOf(parseJson(`{"a":[${digits}],"b":1.5,"c":"${digits}"}`))).toBe(`{"a":[${digits}],"b":1.5,"c":"${digits}"}`)
  })
})
