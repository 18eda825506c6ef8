import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { beforeAll, describe, expect, it } from '@jest/globals'
import { commands, holdSession, type Exchange } from './cli-session.ts'
import { asEvents, tolerances, withoutTimes, type Tolerance } from './cli-tolerance.ts'
import { untilQuiet } from './quiet.ts'
import { startWorld, untilFleetReady, type Side } from './world.ts'

/** The same session with either side's controllers, each on an API server of its own with the same fleet. */
describe('the flux command prints with our controllers what it prints with its own', () => {
  const sessions = new Map<Side, readonly Exchange[]>()

  beforeAll(async () => {
    for (const side of ['flux', 'weir'] as const) sessions.set(side, await sessionOf(side))
  }, 600_000)

  const exchange = (side: Side, at: number): Exchange => {
    const found = sessions.get(side)?.[at]
    if (found === undefined) throw new Error(`${side} answered ${sessions.get(side)?.length ?? 0} commands`)
    return found
  }

  it.each(commands.map((command, at) => ({ command, at })))('flux $command', ({ command, at }) => {
    const [theirs, ours] = [exchange('flux', at), exchange('weir', at)]
    expect(ours.command).toBe(command)
    expect(shown(ours)).toEqual(shown(theirs))
  })

  it('says something: no answer of Flux is empty but those that are meant to be', () => {
    const empty = (sessions.get('flux') ?? []).filter(({ answer }) => `${answer.stdout}${answer.stderr}`.trim() === '').map(({ command }) => command)
    expect(empty).toEqual(['diff kustomization backend --path same/apps/backend --progress-bar=false', 'diff kustomization labelled --path same/apps/labelled --progress-bar=false'])
  })

  it.each(tolerances)('a difference that is looked past is told in docs/differences.md, and is there: $entry', async (tolerance) => {
    const page = await readFile(path.join(import.meta.dirname, '../../docs/differences.md'), 'utf8')
    expect(page.split('\n').some((line) => line.startsWith(`- ${tolerance.entry}`))).toBe(true)
    expect(commands.some((_command, at) => matters(tolerance, exchange('flux', at), exchange('weir', at)))).toBe(true)
  })
})

async function sessionOf(side: Side): Promise<readonly Exchange[]> {
  await using world = await startWorld()
  await world.hand('source-controller', side)
  await world.hand('kustomize-controller', side)
  await world.declare()
  await untilFleetReady(world.kube, { commit: await world.remote.resolve('refs/heads/main'), count: 20 })
  await untilQuiet(world, side)
  return await holdSession(world) // or the world would end with this function, before the session
}

/** The answer as it is compared; `except`: one tolerance is not made use of. */
function shown({ command, answer }: Exchange, except?: Tolerance): unknown {
  const eased = tolerances.filter((each) => each !== except && each.commands.test(command)).reduce((lines, each) => each.ease(lines), withoutTimes(answer.stdout))
  return { command, code: answer.code, stdout: command.startsWith('events') ? asEvents(eased) : eased, stderr: easedErrors(command, answer.stderr, except) }
}

function easedErrors(command: string, stderr: string, except?: Tolerance): readonly string[] {
  return tolerances.filter((each) => each !== except && each.commands.test(command)).reduce((lines, each) => each.ease(lines), withoutTimes(stderr))
}

/** Without it, something would differ. */
function matters(tolerance: Tolerance, theirs: Exchange, ours: Exchange): boolean {
  return tolerance.commands.test(ours.command) && JSON.stringify(shown(ours, tolerance)) !== JSON.stringify(shown(theirs, tolerance))
}
