import { expect, it } from '@jest/globals'
import { parseArguments, scenarioNames } from './arguments.ts'

it.each([
  ['a bare scenario has the size of the table', ['steady'], { scenario: 'steady', json: false }],
  ['flags before the scenario', ['--json', '--n', '200', 'mttp'], { scenario: 'mttp', n: 200, json: true }],
  ['flags with an equals sign', ['mttp', '--n=50', '--shape=shared'], { scenario: 'mttp', n: 50, shape: 'shared', json: false }],
  ['against Flux', ['mttp', '--against', 'flux'], { scenario: 'mttp', against: 'flux', json: false }],
  ['a smaller fleet for Flux', ['mttp', '--n', '1000', '--against=flux', '--flux-n=200'], { scenario: 'mttp', n: 1000, against: 'flux', fluxN: 200, json: false }],
  ['profiles', ['drift', '--profile', '/tmp/p=1'], { scenario: 'drift', profile: '/tmp/p=1', json: false }],
])('%s', (_, argv, run) => {
  expect(parseArguments(argv)).toEqual({ kind: 'run', run })
})

it.each([
  ['nothing', []],
  ['an unknown scenario', ['speed']],
  ['two scenarios', ['mttp', 'drift']],
  ['an unknown flag', ['mttp', '--fast', 'yes']],
  ['a flag without its value', ['mttp', '--n']],
  ['no fleet at all', ['mttp', '--n', '0']],
  ['half an app', ['mttp', '--n', '1.5']],
  ['an unknown shape', ['mttp', '--shape', 'round']],
  ['a shape where there is one only', ['chain', '--shape', 'plain']],
  ['no fleet for Flux', ['mttp', '--against', 'flux', '--flux-n', '0']],
  ["a size of Flux's side without Flux", ['mttp', '--flux-n', '20']],
  ['an unknown rival', ['mttp', '--against', 'argo']],
])('refuses %s', (_, argv) => {
  expect(parseArguments(argv)).toMatchObject({ kind: 'wrong' })
})

it('helps, whatever else is said', () => {
  expect(parseArguments(['mttp', '--help'])).toEqual({ kind: 'help' })
  expect(scenarioNames).toHaveLength(7)
})
