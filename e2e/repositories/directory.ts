import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseYaml } from '@weir/shared/manifest'
import type { Checkout } from './checkout.ts'
import { judge, plainly, type Asked, type Verdict } from './judge.ts'
import { buildOfficially, type OfficialBuild } from './official.ts'
import type { Attempt, FailedAttempt, OurBuilder } from './ours.ts'

export interface Equipment {
  /** Path of the official command. */
  readonly official: string
  readonly builders: readonly OurBuilder[]
  readonly signal: AbortSignal
}

export interface Judged {
  readonly directory: string
  readonly verdict: Verdict
  /** Builds that a warm cache ran. */
  readonly warmEngineBuilds: number
  /** Our error, if it did not build. */
  readonly failed?: FailedAttempt | undefined
}

/** One directory of a repository: every builder of ours, cold and warm, against the official command. */
export async function judgeDirectory(checkout: Checkout, directory: string, equipment: Equipment): Promise<Judged> {
  const ask = askedOnce(checkout, directory, equipment)
  const top = topFile(checkout, directory)
  // An artifact holds no links, so for Weir, as for Flux, this is a folder of plain manifests.
  if (top === undefined) return { directory, verdict: { kind: 'refused', rule: 'the kustomization file is a link' }, warmEngineBuilds: 0 }
  const listsNothing = await isEmptyList(checkout, top)
  const [attempts] = await Promise.all([
    Promise.all(equipment.builders.map((builder) => builder.build(checkout.tree(), directory))),
    ask(plainly),
  ])
  const verdicts: Verdict[] = []
  const failed = attempts.flatMap((attempt) => (attempt.kind === 'failed' ? [attempt] : []))[0]
  for (const ours of attempts) verdicts.push(await judge({ ours, listsNothing, ask, faultsOf: (failure) => faultsOf(failure, checkout) }))
  const warm = await warmFaults(checkout, directory, { builders: equipment.builders, attempts })
  return { directory, verdict: joined(verdicts, { attempts, builders: equipment.builders, warm: warm.faults }), warmEngineBuilds: warm.engineBuilds, failed }
}

interface Told {
  readonly attempts: readonly Attempt[]
  readonly builders: readonly OurBuilder[]
  readonly warm: readonly string[]
}

/** All builders must come to the same verdict, and failing ones must say the same. */
function joined(verdicts: readonly Verdict[], { attempts, builders, warm }: Told): Verdict {
  const why = verdicts.flatMap((verdict, index) => (verdict.kind === 'differs' ? verdict.why.map((text) => `${builders[index]?.name}: ${text}`) : []))
  const [first] = verdicts
  if (first === undefined) throw new Error('no builder')
  const kinds = new Set(verdicts.map(({ kind }) => kind))
  const said = new Set(attempts.map((attempt) => (attempt.kind === 'failed' ? JSON.stringify([attempt.code, attempt.file, attempt.line]) : '')))
  const split = kinds.size > 1 || said.size > 1 ? [`the builders disagree: ${verdicts.map(({ kind }) => kind).join(', ')}; ${[...said].join(' ')}`] : []
  const all = [...why, ...split, ...warm]
  return all.length > 0 ? { kind: 'differs', why: all } : first
}

/** The same again may run no engine and must give the same; a failure must say the same, as a condition would otherwise be written anew. */
async function warmFaults(checkout: Checkout, directory: string, { builders, attempts }: Omit<Told, 'warm'>): Promise<{ readonly faults: readonly string[]; readonly engineBuilds: number }> {
  const faults: string[] = []
  let engineBuilds = 0
  for (const [index, builder] of builders.entries()) {
    const cold = attempts[index]
    const before = builder.engineBuilds()
    const warm = await builder.build(checkout.tree(), directory)
    if (cold?.kind !== 'built') {
      if (warm.kind === 'built' || warm.message !== cold?.message) faults.push(`${builder.name}: the same failure is told in other words: ${warm.kind === 'built' ? 'builds' : warm.message}`)
      continue
    }
    const ran = builder.engineBuilds() - before
    engineBuilds += ran
    if (ran > 0) faults.push(`${builder.name}: the warm cache ran an engine`)
    if (!cold.fresh) faults.push(`${builder.name}: the cold cache ran no engine`)
    if (warm.kind !== 'built' || warm.key !== cold.key || JSON.stringify(warm.objects) !== JSON.stringify(cold.objects)) faults.push(`${builder.name}: the warm cache gave something else`)
  }
  return { faults, engineBuilds }
}

/** An error that people see names a file of theirs and nothing of this machine. */
export function faultsOf({ code, message, file }: FailedAttempt, { root }: Pick<Checkout, 'root'>): readonly string[] {
  const temporary = [path.join(tmpdir(), 'weir-'), '/weir-view', root].find((place) => message.includes(place))
  const leak = temporary === undefined ? [] : [`the message holds a path of this machine: ${message}`]
  const isNamed = file !== undefined && existsSync(path.join(root, file)) && message.includes(file)
  return isNamed ? leak : [...leak, `the error names no file of the repository (${String(file)}): ${code}: ${message}`]
}

const kustomizationNames = ['kustomization.yaml', 'kustomization.yml', 'Kustomization']

function topFile({ copyRoot }: Checkout, directory: string): string | undefined {
  return kustomizationNames.map((name) => path.join(directory, name)).find((file) => existsSync(path.join(copyRoot, file)))
}

async function isEmptyList(checkout: Checkout, file: string): Promise<boolean> {
  const text = await checkout.text(file)
  try {
    const parsed = parseYaml(text, { dialect: 'go' })
    const resources: unknown = typeof parsed === 'object' && parsed !== null && 'resources' in parsed ? parsed.resources : undefined
    return !Array.isArray(resources) || resources.length === 0
  } catch {
    return false
  }
}

/** The official command on a directory, asked each way once. */
export function askedOnce(checkout: Checkout, directory: string, { official, signal }: Equipment): (asked: Asked) => Promise<OfficialBuild> {
  const known = new Map<string, Promise<OfficialBuild>>()
  const run = async (asked: Asked): Promise<OfficialBuild> => {
    const root = asked.withoutLinks ? checkout.copyRoot : checkout.root
    const build = (): Promise<OfficialBuild> => buildOfficially(official, { directory: path.join(root, directory), restricted: !asked.unrestricted, signal })
    const file = topFile(checkout, directory)
    if (file === undefined || (!asked.origins && asked.lenient.length === 0)) return build()
    return checkout.edited(file, (text) => asFluxWrites(text, asked), build)
  }
  return (asked) => {
    const key = JSON.stringify(asked)
    const found = known.get(key) ?? run(asked)
    known.set(key, found)
    return found
  }
}

/** What Flux makes of a top file, done to its text, so that nothing of ours is asked. */
export function asFluxWrites(text: string, { origins, lenient }: Pick<Asked, 'origins' | 'lenient'>): string {
  const dropped = [...lenient, ...(origins ? ['buildMetadata'] : [])]
  const kept = dropped.reduce((before, field) => before.replaceAll(new RegExp(`^( *)"?${field.replaceAll(/[^\w-]/g, '\\$&')}"?:.*\n?(?:\\1[ \t-].*\n|[ \t]*\n)*`, 'gm'), ''), text)
  return origins ? `${kept.trimEnd()}\nbuildMetadata: [originAnnotations]\n` : kept
}
