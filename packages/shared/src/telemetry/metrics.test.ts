import { describe, expect, it } from '@jest/globals'
import { createMetrics } from './metrics.ts'

describe('metrics', () => {
  it('counts, sets and observes, and drops the series of a deleted object', async () => {
    const metrics = createMetrics({ processMetrics: false })
    const runs = metrics.counter('runs_total', 'Runs.', ['kind', 'name'])
    const depth = metrics.gauge('depth', 'Depth.', ['name'])
    const seconds = metrics.histogram('seconds', 'Seconds.', { labels: ['name'], buckets: [1, 2] })
    runs.inc({ kind: 'K', name: 'a' })
    runs.inc({ kind: 'K', name: 'b' }, 2)
    depth.set({ name: 'a' }, 5)
    seconds.observe({ name: 'a' }, 1.5)
    const before = await metrics.text()
    expect(before).toContain('runs_total{kind="K",name="b"} 2')
    expect(before).toContain('seconds_bucket{le="2",name="a"} 1')
    runs.remove({ kind: 'K', name: 'a' })
    depth.remove({ name: 'a' })
    seconds.remove({ name: 'a' })
    seconds.remove({ name: 'never' })
    expect(await metrics.text()).not.toContain('name="a"')
  })

  it('gives the same metric twice and refuses another shape', async () => {
    const metrics = createMetrics({ processMetrics: false })
    metrics.counter('adds_total', 'Adds.', ['name']).inc({ name: 'x' })
    metrics.counter('adds_total', 'Adds.', ['name']).inc({ name: 'x' })
    expect(await metrics.text()).toContain('adds_total{name="x"} 2')
    expect(() => metrics.gauge('adds_total', 'Adds.', ['name'])).toThrow('adds_total')
    expect(() => metrics.counter('adds_total', 'Adds.', ['name', 'more'])).toThrow('adds_total')
  })

  it('reads what nobody needs between scrapes', async () => {
    const metrics = createMetrics({ processMetrics: false })
    const size = metrics.gauge('size', 'Size.', [])
    const stop = metrics.beforeScrape(() => size.set({}, 7))
    expect(await metrics.text()).toContain('size 7')
    stop()
    size.set({}, 1)
    expect(await metrics.text()).toContain('size 1')
  })

  it('tells about the process', async () => {
    const text = await createMetrics({ processMetrics: true }).text()
    expect(text).toContain('process_resident_memory_bytes')
    expect(text).toContain('nodejs_eventloop_lag_seconds')
  })
})
