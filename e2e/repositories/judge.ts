import { differencesOf } from './compare.ts'
import type { OfficialBuild } from './official.ts'
import type { Attempt, BuiltAttempt, FailedAttempt } from './ours.ts'

/**
 * How the official command is asked. Plain is `kustomize build --reorder none` on the checkout; each of the others is one of the ways in
 * which Flux, and so Weir, calls the same library differently.
 */
export interface Asked {
  /** On the copy without links, as an artifact holds it. */
  readonly withoutLinks: boolean
  /** `--load-restrictor LoadRestrictionsNone`: a file of another directory of the source may be read. */
  readonly unrestricted: boolean
  /** `buildMetadata: [originAnnotations]` in a top file that lists no resources, which Flux puts there. */
  readonly origins: boolean
  /** Fields of the top file that kustomize does not have taken out, as Flux drops them. */
  readonly lenient: readonly string[]
}

export const plainly: Asked = { withoutLinks: false, unrestricted: false, origins: false, lenient: [] }

export type Way = 'links left out' | 'unrestricted' | 'origins of an empty top file' | 'unknown fields dropped'

/** Why Weir refuses what the official command builds. */
export type Rule = 'a link' | 'the kustomization file is a link' | 'leaves the source' | 'a limit'

export type Verdict =
  /** `ways`: what had to be asked of the official command to get the same; empty for the plain one. */
  | { readonly kind: 'equal'; readonly ways: readonly Way[]; readonly asked: Asked }
  | { readonly kind: 'failed' }
  | { readonly kind: 'refused'; readonly rule: Rule }
  | { readonly kind: 'remote' }
  | { readonly kind: 'differs'; readonly why: readonly string[] }

export interface Case {
  readonly ours: Attempt
  /** The top file lists no resources. */
  readonly listsNothing: boolean
  readonly ask: (asked: Asked) => Promise<OfficialBuild>
  /** What is wrong with an error as people see it; empty where it names a file of the repository and nothing of this machine. */
  readonly faultsOf: (failure: FailedAttempt) => readonly string[]
}

/** Weighs one build of ours against the official one. */
export async function judge({ ours, ...rest }: Case): Promise<Verdict> {
  return ours.kind === 'built' ? judgeBuilt(ours, rest) : judgeFailed(ours, rest)
}

/** Both fail only if no way of asking makes the official command build: what it refuses plainly, Flux and Weir may have to build. */
async function judgeFailed(ours: FailedAttempt, { faultsOf, ...official }: Omit<Case, 'ours'>): Promise<Verdict> {
  const faults = faultsOf(ours)
  if (faults.length > 0) return { kind: 'differs', why: faults }
  const isRemote = (build: OfficialBuild): boolean => ours.code === 'remote' && build.kind === 'failed' && wantedNetwork(build.message)
  const { build, asked, ways } = await askEachWay(official, (each) => each.kind === 'built' || isRemote(each))
  if (build.kind === 'failed') return { kind: isRemote(build) ? 'remote' : 'failed' }
  if (ours.code === 'escapes') return { kind: 'refused', rule: 'leaves the source' }
  if (ours.code === 'resource') return { kind: 'refused', rule: 'a limit' }
  if (!asked.withoutLinks && (await official.ask({ ...asked, withoutLinks: true })).kind === 'failed') return { kind: 'refused', rule: 'a link' }
  return { kind: 'differs', why: [`builds officially${ways.length === 0 ? '' : ` (${ways.join(', ')})`}; ours: ${ours.code}: ${ours.message}`] }
}

/** The words of git and HTTP that are missing or lead nowhere. */
export function wantedNetwork(message: string): boolean {
  return /no 'git' program on path|127\.0\.0\.1:1\b|proxyconnect|dial tcp|URL is a git repository/.test(message)
}

async function judgeBuilt(ours: BuiltAttempt, official: Omit<Case, 'ours'>): Promise<Verdict> {
  const { build, asked, ways } = await askEachWay(official, (each) => reasonsOf(each, ours).length === 0)
  const why = reasonsOf(build, ours)
  return why.length === 0 ? { kind: 'equal', ways, asked } : { kind: 'differs', why }
}

interface Answered {
  readonly build: OfficialBuild
  readonly asked: Asked
  /** Empty: plainly. */
  readonly ways: readonly Way[]
}

/** Asks plainly, then in one way more at a time, until the answer will do or there is no other way: the last answer. */
async function askEachWay({ ask, listsNothing }: Pick<Case, 'ask' | 'listsNothing'>, willDo: (build: OfficialBuild) => boolean): Promise<Answered> {
  let last: Answered = { build: await ask(plainly), asked: plainly, ways: [] }
  while (!willDo(last.build)) {
    const next = nextWay(last.asked, last.build, listsNothing)
    if (next === undefined) return last
    last = { build: await ask(next.asked), asked: next.asked, ways: last.ways.includes(next.way) ? last.ways : [...last.ways, next.way] }
  }
  return last
}

function reasonsOf(official: OfficialBuild, ours: BuiltAttempt): readonly string[] {
  return official.kind === 'built' ? differencesOf(official.documents, ours.objects) : [`fails officially, ours builds: ${official.message}`]
}

/** The official command's own complaint says which way it was not asked. */
function nextWay(asked: Asked, official: OfficialBuild, listsNothing: boolean): { readonly way: Way; readonly asked: Asked } | undefined {
  const complaint = official.kind === 'failed' ? official.message : ''
  if (!asked.unrestricted && complaint.includes('security; file')) return { way: 'unrestricted', asked: { ...asked, unrestricted: true } }
  const unknown = /unknown field "([^"]+)"/.exec(complaint)?.[1]
  if (unknown !== undefined && !asked.lenient.includes(unknown)) {
    return { way: 'unknown fields dropped', asked: { ...asked, withoutLinks: true, lenient: [...asked.lenient, unknown] } }
  }
  if (listsNothing && !asked.origins) return { way: 'origins of an empty top file', asked: { ...asked, withoutLinks: true, origins: true } }
  if (!asked.withoutLinks) return { way: 'links left out', asked: { ...asked, withoutLinks: true } }
  return undefined
}
