import { expect, it } from '@jest/globals'
import { findLeftFiles, findProcesses, readPublicTexts } from './aftermath.ts'
import { canaries, type Apps } from './canary-app.ts'
import type { Flow } from './flow.ts'
import { findCanaries, findWrongDeletions } from './invariants.ts'

/** The tests that end every file of faults: what must hold whatever was injected. They stop the controllers, which are so many processes. */
export function itLeavesNothingBehind(of: () => { readonly flow: Flow; readonly apps: Apps }, processes = 2): void {
  it('nothing that the last good revision declared was ever deleted', async () => {
    const { flow, apps } = of()
    const audit = await flow.platform.cluster.readAudit()
    expect(findWrongDeletions({ audit, revisions: apps.journal.revisions() })).toEqual([])
  })

  it('no secret can be read in a log, event, status or metric', async () => {
    const texts = await readPublicTexts(of().flow.platform)
    expect(texts.size).toBeGreaterThan(4)
    expect(findCanaries(Object.values(canaries), texts)).toEqual([])
  })

  it('no process and no temporary file is left', async () => {
    const { platform } = of().flow
    expect((await findProcesses(platform.dir)).length).toBeGreaterThanOrEqual(processes) // it finds those that are to run
    expect(await platform.stopControllers()).toEqual(Array.from({ length: processes }, () => 0))
    expect(await findProcesses(platform.dir)).toEqual([])
    expect(await findLeftFiles(platform)).toEqual([])
  })
}
