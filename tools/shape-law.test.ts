import { describe, expect, it } from '@jest/globals'
import { roomLaw, shapeLaw } from './shape-law.ts'
import { parseSource } from './tree.ts'

const path = 'packages/shared/src/http/get.ts'

function broken(text: string, at = path): readonly string[] {
  return shapeLaw([parseSource(at, text)]).map((violation) => violation.law)
}

describe('the shape law', () => {
  it.each([
    ['enums', 'enum A { B }'],
    ['enums', 'export const enum A { B }'],
    ['namespaces', 'namespace A { export const b = 1 }'],
    ['decorators', '@a class B extends Error {}'],
    ['classes', 'class A {}'],
    ['classes', 'export class A extends B {}'],
    ['classes', 'const A = class {}'],
    ['export-star', "export * from './b.ts'"],
    ['export-star', "export * as b from './b.ts'"],
    ['default-export', 'export default function a() {}'],
    ['module-let', 'let a = 1'],
    ['module-let', 'export let a = 1'],
    ['module-let', 'var a = 1'],
    ['mint', 'const a = {} as Condition'],
    ['mint', 'const a = [] as readonly Condition[]'],
    ['process', 'const a = process.env.HOME'],
    ['process', 'const a = process.argv[2]'],
    ['names', 'export function doThings() {}'],
    ['names', 'export const httpHelper = 1'],
    ['names', 'export type RequestInfo = string'],
    ['names', 'export interface DataReader {}'],
    ['names', 'export class ServiceError extends Error {}'],
  ])('refuses (%s) %s', (law, text) => {
    expect(broken(text)).toContain(law)
  })

  it.each(['http-utils.ts', 'request-handler.ts', 'common/get.ts', 'connection-manager.test.ts'])('refuses a file named %s', (name) => {
    expect(broken('export const x = 1', `packages/shared/src/http/${name}`)).toContain('names')
  })

  it.each([
    ["jest.mock('./get.ts')", 'mocks'],
    ["jest.unstable_mockModule('./get.ts', () => ({}))", 'mocks'],
    ["it.only('a', () => {})", 'mocks'],
    ["describe.todo('a')", 'mocks'],
  ])('refuses in a test: %s', (text, law) => {
    expect(broken(text, 'packages/shared/src/http/get.test.ts')).toContain(law)
  })

  it.each([
    'export class HttpError extends Error {}',
    "export const fieldManagers = { a: 'b' }",
    "export { data } from './b.ts'",
    'export function readServiceAccount() { let a = 1; a += 1; return a }',
    'export const doctor = 1, commonMetadata = 2',
    'declare global { interface A { b: 1 } }',
  ])('allows %s', (text) => {
    expect(broken(text)).toEqual([])
  })

  it('keeps the words of the APIs', () => {
    expect(broken('export type SecretData = string', 'packages/shared/src/engine/kustomize-service.ts')).toEqual([])
  })

  it('lets a test keep what it started', () => {
    expect(broken('let server', 'packages/shared/src/http/get.test.ts')).toEqual([])
  })

  it('lets options.ts read the environment, and the manager be called so', () => {
    expect(broken('export const a = process.env.HOME', 'packages/shared/src/control-plane/options.ts')).toEqual([])
    expect(broken('export function startManager() {}', 'packages/shared/src/runtime/manager.ts')).toEqual([])
  })

  it('says where', () => {
    const [violation] = shapeLaw([parseSource(path, '\n\nlet a = 1')])
    expect(violation).toMatchObject({ path, line: 3 })
  })

  it('refuses a crowded folder', () => {
    const tree = Array.from({ length: 30 }, (_, index) => parseSource(`packages/shared/src/http/n${index}.ts`, ''))
    expect(shapeLaw(tree).map((violation) => violation.law)).toEqual(['crowded'])
  })

  it('wants a door and a README.md in every room', () => {
    const missing = roomLaw([parseSource(path, '')], (wanted) => wanted.endsWith('index.ts'))
    expect(missing).toMatchObject([{ law: 'rooms', path: 'packages/shared/src/http/README.md' }])
  })
})
