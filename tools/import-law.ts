import { posix } from 'node:path'
import { findCycle, findRoomCycle } from './rooms.ts'
import type { Room } from './rooms.ts'
import type { Import, SourceFile, Violation } from './tree.ts'

/** Folders of a controller that hold one kind each. Kinds are strangers. */
const kinds = new Set([
  'git-repository',
  'oci-repository',
  'helm-repository',
  'helm-chart',
  'bucket',
  'artifact-generator',
  'kustomization',
  'helm-release',
  'image-repository',
  'image-policy',
  'image-update',
])

/** Files that decide and never touch the world, by name. */
const pureNames = new Set([
  'decide',
  'remediation',
  'history',
  'retention',
  'stages',
  'health',
  'choose',
  'filter',
  'unchanged',
  'observed',
  'inventory',
  'closure',
])
const impureRooms = new Set(['kube', 'http', 'files', 'events'])

/** Rooms that have a second door: words must not cost what schemas cost. */
const innerDoors: ReadonlyMap<string, readonly string[]> = new Map([['api', ['schemas']]])

/** The only file that may open the controllers' doors. */
const theRunner = 'packages/cli/src/run.ts'

/** Packages that one room alone knows, so that replacing one is a change in one place. */
const vendors: ReadonlyMap<string, readonly string[]> = new Map([
  ['zod', ['api']],
  ['semver', ['version']],
  ['simple-git', ['git']],
  ['@kubernetes/client-node', ['kube']],
  ['@nats-io/jetstream', ['events']],
  ['@nats-io/transport-node', ['events']],
  ['@nats-io/nats-core', ['events']],
  ['pino', ['telemetry']],
  ['prom-client', ['telemetry']],
  ['tar-stream', ['files', 'artifact']],
  ['ignore', ['artifact']],
  ['js-yaml', ['manifest', 'kustomize']],
  ['undici', ['http', 'kube']],
  ['ssh2', ['testing']],
])

/** Where a file lives, as far as the laws care. */
interface Place {
  readonly package: string
  /** First folder below `src`: a room in `shared`, a kind or another folder in a controller; '' at the top. */
  readonly room: string
}

/** Who may import whom. Pure over the parsed tree, so that a planted violation needs no disk. */
export function importLaw(tree: readonly SourceFile[], rooms: ReadonlyMap<string, Room>): readonly Violation[] {
  const perImport = tree.flatMap((file) =>
    file.imports.flatMap((one) =>
      rules.flatMap((rule) => {
        const message = rule.breaks({ file, one, place: placeOf(file.path), rooms })
        return message === undefined ? [] : [{ path: file.path, line: one.line, law: rule.law, message }]
      }),
    ),
  )
  return [...perImport, ...roomRows(tree, rooms), ...cycles(tree)]
}

interface Question {
  readonly file: SourceFile
  readonly one: Import
  readonly place: Place
  readonly rooms: ReadonlyMap<string, Room>
}

interface Rule {
  readonly law: string
  readonly breaks: (question: Question) => string | undefined
}

const rules: readonly Rule[] = [
  { law: 'rooms', breaks: leavesItsRow },
  { law: 'door', breaks: missesTheDoor },
  { law: 'packages', breaks: knowsAnotherPackage },
  { law: 'kinds', breaks: knowsAnotherKind },
  { law: 'testing', breaks: testsOutsideTests },
  { law: 'main', breaks: importsMain },
  { law: 'pure', breaks: touchesTheWorld },
  { law: 'vendors', breaks: knowsAVendor },
]

function leavesItsRow({ one, place, rooms, file }: Question): string | undefined {
  const imported = importedRoom(one.specifier)
  if (imported === undefined) return undefined
  if (!rooms.has(imported)) return `there is no room ${imported}`
  if (place.package !== 'shared' || imported === place.room || (file.isTest && imported === 'testing')) return undefined
  const row = rooms.get(place.room)?.mayImport
  if (row === undefined || row === 'any' || row.includes(imported)) return undefined
  if (file.isTest && testsMayUse(imported)) return undefined
  return `${place.room} may import ${row.join(', ') || 'nothing'}, not ${imported}`
}

/** A test may start a real server or make quiet telemetry, whatever its room may know. */
function testsMayUse(room: string): boolean {
  return room === 'telemetry' || room === 'control-plane'
}

function missesTheDoor({ one, place, file }: Question): string | undefined {
  const { specifier } = one
  if (specifier === '@weir/shared') return 'shared has rooms, not a door of its own'
  if (specifier.startsWith('@weir/shared/')) return inadmissibleSubpath(specifier)
  if (!specifier.startsWith('.')) return undefined
  const target = placeOf(targetOf(file.path, specifier))
  if (target.package !== place.package) return `${specifier} leaves the package`
  if (place.package !== 'shared' || target.room === place.room) return undefined
  return `${specifier} goes around the door of ${target.room}: import @weir/shared/${target.room}`
}

function inadmissibleSubpath(specifier: string): string | undefined {
  const [room = '', ...rest] = specifier.slice('@weir/shared/'.length).split('/')
  if (rest.length === 0) return undefined
  return innerDoors.get(room)?.includes(rest.join('/')) === true ? undefined : `${specifier} goes around the door of ${room}`
}

function knowsAnotherPackage({ one, place, file }: Question): string | undefined {
  const name = /^@weir\/([a-z-]+)/.exec(one.specifier)?.[1]
  if (name === undefined || name === 'shared' || file.path === theRunner) return undefined
  return place.package === 'shared' ? `shared knows no controller: ${name}` : `packages are strangers: ${name}`
}

function knowsAnotherKind({ one, place, file }: Question): string | undefined {
  if (place.package === 'shared' || !kinds.has(place.room) || !one.specifier.startsWith('.')) return undefined
  const target = placeOf(targetOf(file.path, one.specifier))
  return kinds.has(target.room) && target.room !== place.room ? `${place.room} and ${target.room} are strangers` : undefined
}

function testsOutsideTests({ one, place, file }: Question): string | undefined {
  const isTesting = importedRoom(one.specifier) === 'testing' || one.specifier.startsWith('@jest/') || one.specifier === 'fast-check'
  const isWorld = posix.basename(file.path) === testWorld
  return isTesting && !file.isTest && !isWorld && place.room !== 'testing' ? `${one.specifier} is for tests only` : undefined
}

/** The test of a `main.ts`, and the world that a package's tests run it in. */
const testWorld = 'testing-world.ts'
const mayStart: ReadonlySet<string> = new Set(['main.test.ts', testWorld])

function importsMain({ one, file }: Question): string | undefined {
  if (!one.specifier.startsWith('.') || posix.basename(one.specifier) !== 'main.ts') return undefined
  return mayStart.has(posix.basename(file.path)) ? undefined : 'nobody imports a main.ts'
}

function touchesTheWorld({ one, file }: Question): string | undefined {
  if (!pureNames.has(posix.basename(file.path, '.ts'))) return undefined
  const room = importedRoom(one.specifier)
  const touches = one.specifier.startsWith('node:') || (room !== undefined && impureRooms.has(room))
  return touches ? `${posix.basename(file.path)} is pure and may not import ${one.specifier}` : undefined
}

function knowsAVendor({ one, place, file }: Question): string | undefined {
  const vendor = [...vendors.keys()].find((name) => one.specifier === name || one.specifier.startsWith(`${name}/`))
  if (vendor === undefined || file.isTest || place.room === 'testing') return undefined
  const knowing = vendors.get(vendor) ?? []
  return place.package === 'shared' && knowing.includes(place.room) ? undefined : `only ${knowing.join(' and ')} may know ${vendor}`
}

/** Every room of the tree has a row, and the rows make no cycle. */
function roomRows(tree: readonly SourceFile[], rooms: ReadonlyMap<string, Room>): readonly Violation[] {
  const there = new Set(tree.map((file) => placeOf(file.path)).filter((place) => place.package === 'shared').map((place) => place.room))
  const strangers = [...there].filter((room) => !rooms.has(room))
  const path = 'docs/architecture.md'
  const missing = strangers.map((room) => ({ path, line: 1, law: 'rooms', message: `the table has no room ${room || '(files outside of rooms)'}` }))
  const cycle = findRoomCycle(rooms)
  return cycle === undefined ? missing : [...missing, { path, line: 1, law: 'cycles', message: `rooms in a circle: ${cycle.join(' → ')}` }]
}

/** Files that need one another to load. Types are erased, so they may. */
function cycles(tree: readonly SourceFile[]): readonly Violation[] {
  const known = new Set(tree.map((file) => file.path))
  const neighbours = new Map(tree.map((file) => [file.path, valueImports(file).filter((path) => known.has(path))]))
  const cycle = findCycle(neighbours)
  if (cycle === undefined) return []
  return [{ path: cycle[0] ?? '', line: 1, law: 'cycles', message: `files in a circle: ${cycle.join(' → ')}` }]
}

function valueImports(file: SourceFile): readonly string[] {
  const values = file.imports.filter((one) => !one.typeOnly && one.specifier.startsWith('.'))
  return values.map((one) => targetOf(file.path, one.specifier))
}

function importedRoom(specifier: string): string | undefined {
  return /^@weir\/shared\/([a-z-]+)/.exec(specifier)?.[1]
}

function targetOf(path: string, specifier: string): string {
  return posix.join(posix.dirname(path), specifier)
}

function placeOf(path: string): Place {
  const [, name = '', , ...rest] = path.split('/')
  return { package: name, room: rest.length > 1 ? (rest[0] ?? '') : '' }
}
