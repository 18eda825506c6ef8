import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { clampPath, isRemoteRoot, joinPath, locate } from './locate.ts'

describe('locate', () => {
  it.each([
    ['apps/web', 'a.yaml', 'apps/web/a.yaml'],
    ['apps/web', './a/../b.yaml', 'apps/web/b.yaml'],
    ['apps/web', '../../base', 'base'],
    ['apps/web', '../..', ''],
    ['', 'a//b/', 'a/b'],
    ['apps', '..hidden', 'apps/..hidden'],
    ['apps', '-rf', 'apps/-rf'],
    ['apps', '--load-restrictor=x', 'apps/--load-restrictor=x'],
  ])('from %j resolves %j to %j', (directory, reference, path) => {
    expect(locate(directory, reference, 'either')).toEqual({ kind: 'local', path })
  })

  it.each(['/etc/passwd', '//etc', '../../..', '../../../etc/passwd', '../../../apps/web/a.yaml', 'a/../../../../x'])('sees that %j leaves the source', (reference) => {
    expect(locate('apps/web', reference, 'either').kind).toBe('escapes')
  })

  it.each(['http://x/a.yaml', 'HTTPS://x/a.yaml', 'https:x'])('sees that the file %j is remote', (reference) => {
    expect(locate('', reference, 'file').kind).toBe('remote')
  })

  it.each([
    'https://github.com/o/r', 'http://x/y//z?ref=main', 'ssh://git@h/o/r', 'SSH://h/o/r', 'file:///tmp/r', 'git::https://h/o/r', 'GIT::ssh://h/r',
    'github.com/o/r', 'GitHub.com:o/r', 'git@github.com:o/r.git', 'git@h:o/r', 'user@h/o/r', 'org-1@h:r.git', 'u@h:a/_git/b',
  ])('sees that the root %j is remote', (reference) => {
    expect(locate('', reference, 'root').kind).toBe('remote')
  })

  it.each(['team@prod', 'team@prod/web', 'github.com', '@h/o/r', '1x@h/o/r', 'base', 'gitlab.com/o/r', './git@h:o/r'])('takes %j for a directory', (reference) => {
    expect(isRemoteRoot(reference)).toBe(false)
  })

  it('never leads out of the source, whatever is written', () => {
    const piece = fc.constantFrom('..', '.', '', 'a', '/', '//', '../', 'http:', '@', ':', '~', '\\', '\u0000', '%2e%2e')
    fc.assert(fc.property(fc.array(piece, { maxLength: 12 }), fc.constantFrom('', 'a', 'a/b/c'), (pieces, directory) => {
      const located = locate(directory, pieces.join('/'), 'either')
      if (located.kind === 'local') expect(located.path.split('/').some((segment) => segment === '..' || segment === '.')).toBe(false)
      if (located.kind === 'local') expect(located.path.startsWith('/')).toBe(false)
    }))
  })

  it('joins as a clean path joins, twice as once', () => {
    fc.assert(fc.property(fc.string(), (reference) => {
      const once = joinPath('a/b', reference)
      if (once !== undefined) expect(joinPath('', once)).toBe(once)
    }))
  })
})

describe('clampPath', () => {
  it.each([['', ''], ['.', ''], ['./', ''], ['./apps/web/', 'apps/web'], ['/apps', 'apps'], ['../../etc', 'etc'], ['a/../../b', 'b']])('makes %j %j', (path, clean) => {
    expect(clampPath(path)).toBe(clean)
  })
})
