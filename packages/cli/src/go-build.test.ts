import { describe, expect, it } from '@jest/globals'
import { kustomizeEngineBinary } from '@weir/shared/engine'
import { parseGoBuild, readGoBuild } from './go-build.ts'

describe('readGoBuild', () => {
  it('reads what the kustomize engine is made of', async () => {
    const build = await readGoBuild(await kustomizeEngineBinary())
    expect(build?.go).toMatch(/^go1\.\d+/)
    expect(build?.modules.get('sigs.k8s.io/kustomize/api')).toMatch(/^v0\./)
  })

  it.each([
    ['a program in another language', Buffer.from('#!/bin/sh\n')],
    ['a program that is cut off', Buffer.concat([Buffer.from('\xff Go buildinf:', 'latin1'), Buffer.alloc(3)])],
    ['lengths that lead out of it', Buffer.concat([Buffer.from('\xff Go buildinf:', 'latin1'), Buffer.alloc(18), Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff])])],
  ])('knows nothing of %s', (_, bytes) => expect(parseGoBuild(bytes)).toBeUndefined())

  it('knows nothing of a file that is not there', async () => expect(await readGoBuild('/nowhere/kustomize')).toBeUndefined())
})
