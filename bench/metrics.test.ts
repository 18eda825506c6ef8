import { expect, it } from '@jest/globals'
import { readHeap } from './metrics.ts'

const page = `# HELP nodejs_heap_size_total_bytes Process heap size from Node.js in bytes.
nodejs_heap_size_total_bytes 104857600
nodejs_heap_size_used_bytes{controller="x"} 52428800
nodejs_external_memory_bytes 1.048576e+06
`

it('reads the heap from a page of metrics', () => {
  expect(readHeap(page)).toEqual({ heapMiB: 100, usedMiB: 50, externalMiB: 1 })
})

it('knows a process that is no Node', () => {
  expect(readHeap('# TYPE go_goroutines gauge\ngo_goroutines 9\n')).toBeUndefined()
})

it.each([
  ['a row that is missing', page.replace('nodejs_external_memory_bytes', 'nodejs_memory_bytes'), 'no metric nodejs_external_memory_bytes'],
  ['a row without a number', page.replace('52428800', 'many'), 'no metric nodejs_heap_size_used_bytes'],
])('takes %s for no zero', (_, text, message) => {
  expect(() => readHeap(text)).toThrow(message)
})
