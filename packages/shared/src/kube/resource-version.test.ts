import { expect, it } from '@jest/globals'
import { compareResourceVersions } from './resource-version.ts'

it.each<readonly [string | undefined, string | undefined, number]>([
  ['1', '2', -1],
  ['10', '9', 1],
  ['007', '7', 0],
  ['0', '', 0],
  ['9007199254740993', '9007199254740992', 1],
  ['99999999999999999999', '100000000000000000000', -1],
  [undefined, '1', -1],
  ['', undefined, 0],
  ['opaque', '1', -1],
  ['1', 'opaque', 1],
])('resourceVersion %j against %j: %d', (a, b, sign) => {
  expect(Math.sign(compareResourceVersions(a, b))).toBe(sign)
})
