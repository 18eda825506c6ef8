import { expect, it } from '@jest/globals'
import { findLeftFiles, findProcesses, findTemporary, readPublicTexts } from './aftermath.ts'
import { canaries, type Apps } from './canary-app.ts'
import { until } from './fleet.ts'
import { namespace, type Flow } from './flow.ts'
import { findCanaries, findWrongDeletions } from './invariants.ts'

/** The tests that end every file of faults: what must hold whatever was injected. They stop the controllers, which are so many processes. */
export function itLeavesNothingBehind(of: () => { readonly flow: Flow; readonly apps: Apps }, processes = 2): void {
  it('nothing that the last good revision declared was ever deleted', async () => {
    const { flow, apps } = of()
    const audit = await flow.platform.cluster.readAudit()
    expect(findWrongDeletions({ audit, revisions: apps.journal.revisions() })).toEqual([])
  })

  it('no secret can be read in a log, event, status or metric', async () => {
    const { flow, apps } = of()
    const texts = new Map([...(await readPublicTexts(flow.platform)), ...apps.states()])
    expect(texts.size).toBeGreaterThan(4)
    expect(appsWithoutStatus(apps)).toEqual([])
    expect(findCanaries(Object.values(canaries), texts)).toEqual([])
  })

  it('no process and no temporary file is left', async () => {
    const { platform } = of().flow
    expect((await findProcesses(platform.dir)).length).toBeGreaterThanOrEqual(processes) // it finds those that are to run
    await untilNothingTemporary(platform)
    expect(await platform.stopControllers()).toEqual(Array.from({ length: processes }, () => 0))
    expect(await findProcesses(platform.dir)).toEqual([])
    expect(await findLeftFiles(platform)).toEqual([])
  })
}

/** Apps, those that are gone by now as well, of which no verdict was among the texts: a secret in it would not have been found. */
function appsWithoutStatus(apps: Apps): readonly string[] {
  const owners = new Set(apps.journal.revisions().map(({ owner }) => owner))
  const told = [...apps.states()].filter(([, text]) => text.includes('"type":"Ready"')).map(([name]) => name)
  return [...owners].filter((owner) => !told.some((name) => name.startsWith(`Kustomization ${namespace}/${owner}@`)))
}

/** While the processes live: when they stop and when they start they empty their folders, and what they leave behind in between is not seen. */
async function untilNothingTemporary(platform: Flow['platform']): Promise<void> {
  const last: { seen: readonly string[] } = { seen: [] }
  const look = async (): Promise<true | undefined> => {
    last.seen = await findTemporary(platform).catch((error: unknown) => [String(error)]) // a folder went while it was read
    return last.seen.length === 0 ? true : undefined
  }
  await until('nothing temporary is left beside the living', look, { timeoutMs: 10_000, everyMs: 100, seen: () => last.seen })
}
