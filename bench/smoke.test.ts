import { expect, it } from '@jest/globals'
import { mttp } from './mttp.ts'

/** Figures of three apps say nothing; that a bench still converges and prints its keys does. */
it('measures a fleet of three from the first POST to the last Ready', async () => {
  const progress: string[] = []
  const figures = await mttp.run({ system: 'weir', n: 3, shape: 'plain', onProgress: (line) => void progress.push(line), signal: new AbortController().signal })
  expect(Object.keys(figures)).toEqual(
    expect.arrayContaining([
      'n', 'shape', 'installSeconds', 'upgradeSeconds', 'limitInstallSeconds', 'limitUpgradeSeconds', 'ratio', 'ratioInstall', 'ratioUpgrade',
      'apiCallsPerKustomization', 'statusWritesPerKustomization', 'dryRuns', 'cpuSeconds', 'rssMiB', 'peakMiB',
    ]),
  )
  expect(Object.entries(figures).filter(([, value]) => typeof value === 'number' && !(value > 0))).toEqual([])
  expect(figures).toMatchObject({ n: 3, shape: 'plain', limitCallsPerKustomization: 6 })
}, 180_000)
