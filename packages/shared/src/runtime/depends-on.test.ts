import { describe, expect, it } from '@jest/globals'
import { createDependencies, describeCycle } from './depends-on.ts'
import type { Key } from './wake.ts'

const key = (text: string): Key => {
  const [namespace = '', name = ''] = text.split('/')
  return { namespace, name }
}

function graph(edges: Readonly<Record<string, readonly string[]>>) {
  const dependencies = createDependencies()
  for (const [from, to] of Object.entries(edges)) dependencies.set(key(from), to.map(key))
  return dependencies
}

describe('cycle', () => {
  it.each<readonly [string, Readonly<Record<string, readonly string[]>>, string | undefined]>([
    ['no dependency', {}, undefined],
    ['a chain', { 'n/a': ['n/b'], 'n/b': ['n/c'] }, undefined],
    ['a diamond', { 'n/a': ['n/b', 'n/c'], 'n/b': ['n/d'], 'n/c': ['n/d'] }, undefined],
    ['itself', { 'n/a': ['n/a'] }, 'n/a → n/a'],
    ['two', { 'n/a': ['n/b'], 'n/b': ['n/a'] }, 'n/a → n/b → n/a'],
    ['three, across namespaces', { 'n/a': ['m/b'], 'm/b': ['n/c'], 'n/c': ['n/a'] }, 'n/a → m/b → n/c → n/a'],
    ['the shorter of two', { 'n/a': ['n/b', 'n/c'], 'n/b': ['n/c'], 'n/c': ['n/a'] }, 'n/a → n/c → n/a'],
    ['one that a only leads into is not a cycle of a', { 'n/a': ['n/b'], 'n/b': ['n/c'], 'n/c': ['n/b'] }, undefined],
    ['the same name in another namespace is another object', { 'n/a': ['m/a'], 'm/a': [] }, undefined],
  ])('%s', (_, edges, expected) => {
    const cycle = graph(edges).cycle(key('n/a'))
    expect(cycle && describeCycle(cycle)).toBe(expected)
  })

  it('is gone when one member gives up its dependency', () => {
    const dependencies = graph({ 'n/a': ['n/b'], 'n/b': ['n/a'] })
    dependencies.set(key('n/b'), [])
    expect(dependencies.cycle(key('n/a'))).toBeUndefined()
  })

  it('finds its way through many objects', () => {
    const edges = Object.fromEntries(Array.from({ length: 3000 }, (_, index) => [`n/${index}`, [`n/${(index + 1) % 3000}`, `n/${(index * 7) % 3000}`]]))
    expect(graph(edges).cycle(key('n/5'))?.length).toBeGreaterThan(1)
  })
})

describe('dependants', () => {
  it('names who waits for a key, sorted, and forgets who does no longer', () => {
    const dependencies = graph({ 'n/b': ['n/base'], 'n/a': ['n/base', 'n/other'] })
    expect(dependencies.dependants(key('n/base'))).toEqual([key('n/a'), key('n/b')])
    dependencies.set(key('n/a'), [key('n/other')])
    dependencies.remove(key('n/b'))
    expect(dependencies.dependants(key('n/base'))).toEqual([])
    expect(dependencies.dependants(key('n/other'))).toEqual([key('n/a')])
  })
})
