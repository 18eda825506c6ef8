import { describe, expect, it } from '@jest/globals'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const page = readFileSync(join(root, 'docs/spec/metrics.md'), 'utf8')
const name = /['`]((?:gotk|controller_runtime|workqueue|rest_client|weir)_[a-z_]+)['`]/g

const namesIn = (text: string): readonly string[] => [...text.matchAll(name)].map(([, found = '']) => found)

describe('the page of metrics', () => {
  it('lists what the controllers have, and nothing that they have not', () => {
    const sources = globSync('packages/{shared,*-controller}/src/**/*.ts', { cwd: root }).filter((path) => !path.endsWith('.test.ts'))
    const built = new Set(sources.flatMap((path) => namesIn(readFileSync(join(root, path), 'utf8'))))
    const [listed = ''] = page.split('**What Flux has')
    expect(built.size).toBeGreaterThan(15)
    expect([...new Set(namesIn(listed))].sort()).toEqual([...built].sort())
  })
})
