import { describe, expect, it } from '@jest/globals'
import type { Row } from '../get/row.ts'
import { progressLine } from './progress.ts'

const row: Row = {
  namespace: 'apps',
  object: 'Kustomization/web',
  ready: 'True',
  revision: `main@sha1:${'ab'.repeat(20)}`,
  age: '1m',
  suspended: false,
  message: 'Applied revision: main',
  source: '-',
  reason: 'Succeeded',
}
const options = { change: 'changed', at: new Date(2026, 0, 1, 12, 1, 3), columns: undefined, paint: (_: string, text: string) => text } as const

describe('progressLine', () => {
  it.each([
    [row, options, '12:01:03  Kustomization/apps/web                    ready  main@sha1:abababab  Applied revision: main'],
    [{ ...row, ready: 'False', revision: '-' }, options, '12:01:03  Kustomization/apps/web                    not ready  Applied revision: main'],
    [row, { ...options, change: 'deleted' }, '12:01:03  Kustomization/apps/web                    deleted'],
    [row, { ...options, columns: 80 }, '12:01:03  Kustomization/apps/web                    ready  main@sha1:abababab  …'],
  ] as const)('%#', (given, how, line) => expect(progressLine(given, how)).toBe(line))
})
