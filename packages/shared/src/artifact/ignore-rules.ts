import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import ignore, { type Ignore } from 'ignore'
import type { Keep } from '@weir/shared/files'
import { ArtifactError } from './artifact-error.ts'

const versionControl = ['.git/', '.gitignore', '.gitmodules', '.gitattributes']

/** Replaced as a whole by a single pattern of the user's, wherever it stands (contract 2.5). */
const defaults = [
  ['*.jpg', '*.jpeg', '*.gif', '*.png', '*.wmv', '*.flv', '*.tar.gz', '*.zip'],
  ['.github/', '.circleci/', '.travis.yml', '.gitlab-ci.yml', 'appveyor.yml', '.drone.yml', 'cloudbuild.yaml'],
  ['codeship-services.yml', 'codeship-steps.yml'],
  ['**/.goreleaser.yml', '**/.sops.yaml', '**/.flux.yaml'],
].flat()

/**
 * What goes into the artifact of a directory: its `.sourceignore` files, each for its own folder, then `spec.ignore`, which wins.
 * A later pattern overrides an earlier one, also inside a folder that an earlier one leaves out. ArtifactError `ignore-rules`
 * for patterns that could keep the process busy for ever, `io`.
 */
export async function readIgnoreRules(tree: string, specIgnore = ''): Promise<Keep> {
  const own = [...(await nestedPatterns(tree, '')), ...patternsOf(specIgnore, '')]
  const base = [...versionControl, ...(own.length > 0 ? [] : defaults)].map((text) => ({ text, folder: '' }))
  return keepBy(groupPatterns([...base, ...own]))
}

interface Pattern {
  readonly text: string
  /** Only paths below it are matched, relative to it. */
  readonly folder: string
}

const rulesFile = '.sourceignore'
const maxRulesBytes = 1 << 20

async function nestedPatterns(tree: string, folder: string): Promise<readonly Pattern[]> {
  const entries = await readdir(join(tree, folder), { withFileTypes: true })
  const patterns: Pattern[] = []
  if (entries.some((entry) => entry.name === rulesFile && entry.isFile())) {
    const text = await readFile(join(tree, folder, rulesFile))
    if (text.byteLength > maxRulesBytes) throw refuse(`${pathOf(folder, rulesFile)} is larger than ${maxRulesBytes} bytes`)
    patterns.push(...patternsOf(text.toString('utf8'), folder))
  }
  const folders = entries.filter((entry) => entry.isDirectory() && entry.name !== '.git').map(({ name }) => name)
  for (const name of folders.sort()) patterns.push(...(await nestedPatterns(tree, pathOf(folder, name))))
  return patterns
}

function pathOf(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`
}

function patternsOf(text: string, folder: string): readonly Pattern[] {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '' && !line.startsWith('#'))
  return lines.map((line) => ({ text: checkedPattern(line), folder }))
}

const maxStars = 3
const maxDoubleStars = 4

/** Patterns become regular expressions, and each `*` multiplies the time that a hostile name can cost. */
function checkedPattern(line: string): string {
  const segments = line.split('/')
  const isCostly = segments.some((segment) => (segment.match(/\*+/g) ?? []).length > maxStars) || segments.filter((segment) => segment.startsWith('**')).length > maxDoubleStars
  if (line.length > 1024 || isCostly) throw refuse(`pattern ${JSON.stringify(line.slice(0, 100))} has too many wildcards`)
  return line
}

/** Neighbours with one folder and one sign are matched together. */
interface Group {
  readonly folder: string
  readonly includes: boolean
  readonly patterns: Ignore
}

function groupPatterns(patterns: readonly Pattern[]): readonly Group[] {
  const groups: Group[] = []
  for (const { text, folder } of patterns) {
    const includes = text.startsWith('!')
    const last = groups.at(-1)
    const group = last?.folder === folder && last.includes === includes ? last : { folder, includes, patterns: ignore({ ignorecase: false }) }
    if (group !== last) groups.push(group)
    group.patterns.add(includes ? text.slice(1) : text)
  }
  return groups.toReversed()
}

const maxMatchingMs = 10_000

function keepBy(groups: readonly Group[]): Keep {
  const spent = { ms: 0 }
  return (path, kind) => {
    if (path === '') return true
    const beganMs = performance.now()
    const decisive = groups.find((group) => matches(group, kind === 'directory' ? `${path}/` : path))
    spent.ms += performance.now() - beganMs
    if (spent.ms > maxMatchingMs) throw refuse('matching the patterns takes too long')
    return decisive?.includes ?? true
  }
}

function matches({ folder, patterns }: Group, path: string): boolean {
  if (folder === '') return patterns.ignores(path)
  if (!path.startsWith(`${folder}/`) || path.length === folder.length + 1) return false
  return patterns.ignores(path.slice(folder.length + 1))
}

function refuse(why: string): ArtifactError {
  return new ArtifactError('ignore-rules', why)
}
