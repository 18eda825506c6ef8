import { expect, it } from '@jest/globals'
import { readBuilds, readHeap } from './metrics.ts'

const page = `# HELP weir_kustomize_builds_total Builds asked for, by where the objects came from.
weir_kustomize_builds_total{from="cache"} 700
weir_kustomize_builds_total{from="engine"} 12
nodejs_heap_size_total_bytes 104857600
nodejs_heap_size_used_bytes{controller="x"} 52428800
nodejs_external_memory_bytes 1.048576e+06
`

it('reads builds and the heap from a page of metrics', () => {
  expect(readBuilds(page)).toBe(12)
  expect(readBuilds('')).toBe(0)
  expect(readHeap(page)).toEqual({ heapMiB: 100, usedMiB: 50, externalMiB: 1 })
})
