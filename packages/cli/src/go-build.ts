import { readFile } from 'node:fs/promises'

/** What a Go program says about how it was built. */
export interface GoBuild {
  /** `go1.26.4` */
  readonly go: string
  /** Version of each module in it, by path. */
  readonly modules: ReadonlyMap<string, string>
}

const magic = Buffer.from('\xff Go buildinf:', 'latin1')
/** Where the strings begin, behind the magic and fields that newer programs leave empty. */
const stringsAt = 32

/**
 * Reads the build information that the Go linker leaves in every program (package debug/buildinfo, format of Go 1.18 and newer).
 * Undefined for anything else.
 */
export async function readGoBuild(path: string): Promise<GoBuild | undefined> {
  const program = await readFile(path).catch(() => undefined)
  return program === undefined ? undefined : parseGoBuild(program)
}

/** Pure: the same from the bytes of the program. */
export function parseGoBuild(program: Buffer): GoBuild | undefined {
  const start = program.indexOf(magic)
  if (start < 0) return undefined
  const version = readText(program, start + stringsAt)
  const modules = version === undefined ? undefined : readText(program, version.end)
  if (version === undefined || modules === undefined || !version.text.startsWith('go')) return undefined
  const lines = modules.text.split('\n').map((line) => line.split('\t'))
  return { go: version.text, modules: new Map(lines.flatMap(([word, path = '', found = '']) => (word === 'dep' ? [[path, found] as const] : []))) }
}

/** A string behind its length, an unsigned varint. */
function readText(bytes: Buffer, at: number): { readonly text: string; readonly end: number } | undefined {
  let length = 0
  for (let index = 0; index < 4; index += 1) {
    const byte = bytes[at + index]
    if (byte === undefined) return undefined
    length += (byte & 0x7f) << (7 * index)
    if (byte < 0x80) {
      const from = at + index + 1
      return from + length > bytes.length ? undefined : { text: bytes.toString('utf8', from, from + length), end: from + length }
    }
  }
  return undefined
}
