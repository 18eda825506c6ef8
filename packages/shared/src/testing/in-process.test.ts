import { describe, expect, it } from '@jest/globals'
import { callInProcess } from './in-process.ts'

const random = new URL('./fault-rules.ts', import.meta.url)

describe('a call in a process', () => {
  it('gives the value, or the class of the error', async () => {
    const yaml = new URL('../manifest/yaml.ts', import.meta.url)
    expect(await callInProcess(yaml, 'parseYaml', 'a: 1', { dialect: 'go' })).toEqual({ value: { a: 1 } })
    expect(await callInProcess(yaml, 'parseYaml', '[', { dialect: 'go' })).toEqual({ threw: 'YamlError' })
  })

  it('rejects for what never ends', async () => {
    await expect(callInProcess(new URL('data:text/javascript,export const spin = () => { for (;;); }'), 'spin')).rejects.toThrow(/SIGXCPU|SIGKILL/)
  })

  it('rejects for what fills the memory', async () => {
    const numbers = new URL('data:text/javascript,export const fill = (kept = []) => { for (;;) kept.push(new Array(1_000).fill(kept.length)) }')
    await expect(callInProcess(numbers, 'fill')).rejects.toThrow('memory')
  })

  it.each([
    ['a function that is not there', random, 'none', 'none is no function'],
    ['a module that is not there', new URL('./none.ts', import.meta.url), 'none', 'none.ts'],
    ['a value that cannot be copied', random, 'createRandom', 'could not be cloned'],
  ])('rejects for %s', async (_what, module, name, message) => {
    await expect(callInProcess(module, name, 1)).rejects.toThrow(message)
  })
})
