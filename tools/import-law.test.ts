import { describe, expect, it } from '@jest/globals'
import { importLaw } from './import-law.ts'
import { findRoomCycle, parseRooms, readRooms } from './rooms.ts'
import { parseSource, readTree } from './tree.ts'

const root = new URL('..', import.meta.url).pathname
const rooms = readRooms(root)

/** The laws that a tree of one planted file breaks. */
function broken(path: string, text: string): readonly string[] {
  return importLaw([parseSource(path, text)], rooms).map((violation) => violation.law)
}

const inShared = 'packages/shared/src'
const inKustomize = 'packages/kustomize-controller/src'

describe('the import law', () => {
  it.each([
    ['rooms', 'a room outside its row', `${inShared}/http/get.ts`, "import { createKube } from '@weir/shared/kube'"],
    ['rooms', 'a type outside its row', `${inShared}/http/get.ts`, "import type { Kube } from '@weir/shared/kube'"],
    ['rooms', 'a type named in place', `${inShared}/http/get.ts`, "export type K = import('@weir/shared/kube').Kube"],
    ['rooms', 'a lazy import outside its row', `${inShared}/http/get.ts`, "await import('@weir/shared/kube')"],
    ['rooms', 'an export from outside its row', `${inShared}/http/get.ts`, "export { createKube } from '@weir/shared/kube'"],
    ['rooms', 'anything, from api', `${inShared}/api/words.ts`, "import { createHttp } from '@weir/shared/http'"],
    ['rooms', 'a room that is not there', `${inKustomize}/main.ts`, "import { x } from '@weir/shared/stuff'"],
    ['rooms', 'a room without a row', `${inShared}/stuff/index.ts`, 'export const x = 1'],
    ['rooms', 'a room outside its row, in a test', `${inShared}/http/get.test.ts`, "import { createKube } from '@weir/shared/kube'"],
    ['door', 'a file behind a door', `${inKustomize}/main.ts`, "import { x } from '@weir/shared/kube/client'"],
    ['door', 'a path around a door', `${inShared}/kube/client.ts`, "import { x } from '../http/get.ts'"],
    ['door', 'a path out of the package', `${inKustomize}/main.ts`, "import { x } from '../../shared/src/http/index.ts'"],
    ['door', 'shared as a whole', `${inKustomize}/main.ts`, "import { x } from '@weir/shared'"],
    ['packages', 'a controller, from shared', `${inShared}/runtime/start.ts`, "import { start } from '@weir/source-controller'"],
    ['packages', 'another controller', `${inKustomize}/main.ts`, "import { start } from '@weir/source-controller'"],
    ['packages', 'a controller, from elsewhere in the CLI', 'packages/cli/src/get.ts', "import { start } from '@weir/source-controller'"],
    ['kinds', 'another kind', 'packages/source-controller/src/bucket/fetch.ts', "import { x } from '../git-repository/fetch.ts'"],
    ['testing', 'the testing room', `${inShared}/runtime/start.ts`, "import { clock } from '@weir/shared/testing'"],
    ['testing', 'the test runner', `${inKustomize}/main.ts`, "import { expect } from '@jest/globals'"],
    ['main', 'a main.ts', `${inKustomize}/kustomization/controller.ts`, "import { start } from '../main.ts'"],
    ['pure', 'a module of Node', `${inShared}/apply/stages.ts`, "import { join } from 'node:path'"],
    ['pure', 'the cluster', `${inShared}/apply/inventory.ts`, "import { createKube } from '@weir/shared/kube'"],
    ['vendors', 'a vendor of another room', `${inShared}/kube/client.ts`, "import pino from 'pino'"],
    ['vendors', 'a vendor, in a controller', `${inKustomize}/kustomization/build.ts`, "import { z } from 'zod'"],
  ])('refuses (%s) %s', (law, _what, path, text) => {
    expect(broken(path, text)).toContain(law)
  })

  it('refuses files that need one another to load, and lets types do so', () => {
    const circle = (how: string) => [
      parseSource(`${inShared}/http/a.ts`, `${how} { b } from './b.ts'`),
      parseSource(`${inShared}/http/b.ts`, `${how} { a } from './a.ts'`),
    ]
    expect(importLaw(circle('import'), rooms).map((violation) => violation.law)).toEqual(['cycles'])
    expect(importLaw(circle('import type'), rooms)).toEqual([])
  })

  it.each([
    ['what its row says', `${inShared}/kube/client.ts`, "import { createHttp } from '@weir/shared/http'"],
    ['a sibling', `${inShared}/kube/client.ts`, "import { x } from './errors.ts'"],
    ['the second door of api', `${inKustomize}/main.ts`, "import { decodeKustomization } from '@weir/shared/api/schemas'"],
    ['every room, in a controller', `${inKustomize}/main.ts`, "import { createKube } from '@weir/shared/kube'"],
    ['testing, in a test', `${inShared}/http/get.test.ts`, "import { startWeb } from '@weir/shared/testing'"],
    ['the controllers, in the runner', 'packages/cli/src/run.ts', "import { start } from '@weir/source-controller'"],
    ['its main.ts, in the test of it', `${inKustomize}/main.test.ts`, "import { start } from './main.ts'"],
    ['its main.ts, in the world of its tests', `${inKustomize}/testing-world.ts`, "import { start } from './main.ts'"],
    ['a module of Node, where nothing is decided', `${inShared}/apply/apply.ts`, "import { join } from 'node:path'"],
  ])('allows %s', (_what, path, text) => {
    expect(broken(path, text)).toEqual([])
  })

  it('sees a circle of rooms in the table', () => {
    const table = ['| `a` | does a | b |', '| `b` | does b | c |', '| `c` | does c | a |'].join('\n')
    expect(findRoomCycle(parseRooms(table))).toEqual(['a', 'b', 'c', 'a'])
    expect(findRoomCycle(rooms)).toBeUndefined()
  })

  it('finds every package of the tree', () => {
    const packages = new Set(readTree(root).map((file) => file.path.split('/')[1]))
    expect([...packages]).toContain('shared')
  })
})
