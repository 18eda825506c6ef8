import { constants } from 'node:fs'
import { open, readdir } from 'node:fs/promises'
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
 * for patterns that could keep the process busy for ever or fill its memory, `io`.
 */
export async function readIgnoreRules(tree: string, specIgnore = ''): Promise<Keep> {
  const own: Pattern[] = []
  await collectNested(own, tree, '')
  collect(own, specIgnore, '')
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

/** In all files and spec.ignore together: each is tried on each path. */
const maxPatterns = 10_000

async function collectNested(into: Pattern[], tree: string, folder: string): Promise<void> {
  const entries = await readdir(join(tree, folder), { withFileTypes: true })
  if (entries.some((entry) => entry.name === rulesFile && entry.isFile())) collect(into, await readRules(tree, pathOf(folder, rulesFile)), folder)
  const folders = entries.filter((entry) => entry.isDirectory() && entry.name !== '.git').map(({ name }) => name)
  for (const name of folders.sort()) await collectNested(into, tree, pathOf(folder, name))
}

/** Not one byte of a file that is too large is read: a sparse one costs its author nothing. */
async function readRules(tree: string, path: string): Promise<string> {
  const handle = await open(join(tree, path), constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    const { size } = await handle.stat()
    if (size > maxRulesBytes) throw refuse(`${path} is larger than ${maxRulesBytes} bytes`)
    return await handle.readFile('utf8')
  } finally {
    await handle.close()
  }
}

function pathOf(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`
}

function collect(into: Pattern[], text: string, folder: string): void {
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === '' || line.startsWith('#')) continue
    if (into.length >= maxPatterns) throw refuse(`.sourceignore files and spec.ignore hold more than ${maxPatterns} patterns`)
    into.push({ text: checkedPattern(line), folder })
  }
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
    const group = last?.folder === folder && last.includes === includes ? last : { folder, includes, patterns: noPatterns() }
    if (group !== last) groups.push(group)
    group.patterns.add(includes ? text.slice(1) : text)
  }
  return groups.toReversed()
}

function noPatterns(): Ignore {
  return ignore({ ignorecase: false })
}

const maxMatchingMs = 10_000

/** Each group remembers its answer for each path, and alternating signs make a group of every pattern: so many answers, all together. */
const maxRemembered = 200_000

function keepBy(patterns: readonly Group[]): Keep {
  const state = { spentMs: 0, remembered: 0, groups: patterns }
  return (path, kind) => {
    if (path === '') return true
    const beganMs = performance.now()
    const { groups } = state
    const at = groups.findIndex((group) => matches(group, kind === 'directory' ? `${path}/` : path))
    state.remembered += at < 0 ? groups.length : at + 1
    if (state.remembered > maxRemembered) Object.assign(state, { remembered: 0, groups: groups.map(forget) })
    state.spentMs += performance.now() - beganMs
    if (state.spentMs > maxMatchingMs) throw refuse('matching the patterns takes too long')
    return groups[at]?.includes ?? true
  }
}

/** The same patterns, already compiled, without a memory of paths. */
function forget(group: Group): Group {
  return { ...group, patterns: noPatterns().add(group.patterns) }
}

function matches({ folder, patterns }: Group, path: string): boolean {
  if (folder === '') return patterns.ignores(path)
  if (!path.startsWith(`${folder}/`) || path.length === folder.length + 1) return false
  return patterns.ignores(path.slice(folder.length + 1))
}

function refuse(why: string): ArtifactError {
  return new ArtifactError('ignore-rules', why)
}
