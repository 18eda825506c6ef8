import { expect, it } from '@jest/globals'
import { readBuilds, readHeap } from './metrics.ts'

const page = `# HELP weir_kustomize_engine_requests_total Builds that the engine was asked for.
weir_kustomize_engine_requests_total 12
nodejs_heap_size_total_bytes 104857600
nodejs_heap_size_used_bytes{controller="x"} 52428800
nodejs_external_memory_bytes 1.048576e+06
`

it('reads builds and the heap from a page of metrics', () => {
  expect(readBuilds(page)).toBe(12)
  expect(readBuilds('')).toBe(0)
  expect(readHeap(page)).toEqual({ heapMiB: 100, usedMiB: 50, externalMiB: 1 })
})
