import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { createFrameReader, encodeFrame } from './frames.ts'

describe('frames', () => {
  it('come out as they went in, however the bytes are cut', () => {
    fc.assert(fc.property(fc.array(fc.jsonValue(), { maxLength: 5 }), fc.array(fc.nat(40), { maxLength: 30 }), (values, cuts) => {
      const bytes = Buffer.concat(values.map(encodeFrame))
      const reader = createFrameReader()
      const frames: string[] = []
      let at = 0
      for (const cut of [...cuts, bytes.length]) {
        const read = reader.push(bytes.subarray(at, at + cut))
        at = Math.min(bytes.length, at + cut)
        if (read !== 'too-large') frames.push(...read.map((frame) => frame.toString('utf8')))
      }
      expect(frames).toEqual(values.map((value) => JSON.stringify(value)))
    }))
  })

  it('refuses a frame over the bound before it is read', () => {
    const reader = createFrameReader(10)
    expect(reader.push(Buffer.from([0, 0, 0, 11]))).toBe('too-large')
  })
})
