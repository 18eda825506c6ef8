import { describe, expect, it } from '@jest/globals'
import { finding, type Finding } from './finding.ts'
import { renderFinding } from './render.ts'

const options = { now: Date.parse('2026-01-01T01:00:00Z'), columns: undefined, paint: (_: string, text: string) => text }
const place = (kind: string, name: string): Finding['place'] => ({ kind, namespace: 'apps', name })

describe('renderFinding', () => {
  it('is one line for what is ready', () => {
    const found = finding(place('Kustomization', 'web'), { state: 'ready', reason: 'ReconciliationSucceeded', message: 'Applied', revision: 'main@sha1:a', since: '2026-01-01T00:00:00Z' })
    expect(renderFinding(found, options)).toBe('Kustomization/apps/web is ready at revision main@sha1:a, for 1h')
  })

  it('does not repeat what the API server said of an object', () => {
    const message = 'ConfigMap/nowhere/a not found: namespaces "nowhere" not found'
    const object = finding({ kind: 'ConfigMap', namespace: 'nowhere', name: 'a' }, { state: 'refused', reason: 'ReconciliationFailed', message, relation: 'could not apply' })
    const found = finding(place('Kustomization', 'web'), { state: 'failed', reason: 'ReconciliationFailed', message: `${message}\nSecret/apps/b created`, causes: [object] })
    expect(renderFinding(found, options).split('\n').slice(0, 4)).toEqual([
      'Kustomization/apps/web is not ready: ReconciliationFailed',
      `  ${message}`,
      '  Secret/apps/b created',
      '  └ could not apply ConfigMap/nowhere/a, which is refused',
    ])
  })

  it('does not repeat a message as an event', () => {
    const found = finding(place('Pod', 'web-1'), { state: 'failed', reason: 'Unschedulable', message: '0/1 nodes', facts: ['event FailedScheduling: 0/1 nodes', 'event Other: x'] })
    expect(renderFinding(found, options).split('\n').slice(1, 3)).toEqual(['  0/1 nodes', '  event Other: x'])
  })

  it('says the same advice once, and names the Pod of a container', () => {
    const container = finding(place('Container', 'web-1/app'), { state: 'failed', reason: 'OOMKilled', relation: 'its' })
    const found = finding(place('Pod', 'web-1'), { state: 'failed', reason: 'ContainersNotReady', causes: [container, container] })
    expect(renderFinding(found, options).split('\n')).toEqual([
      'Pod/apps/web-1 is not ready: ContainersNotReady',
      '  └ its container app, which is not ready: OOMKilled',
      '  └ its container app, which is not ready: OOMKilled',
      '',
      'What to do',
      '  container app of Pod/apps/web-1: It used more memory than its limit: raise resources.limits.memory, or find the leak.',
    ])
  })

  it('wraps messages to the terminal and cuts none', () => {
    const found = finding(place('Kustomization', 'web'), { state: 'failed', message: 'word '.repeat(30) })
    const lines = renderFinding(found, { ...options, columns: 40 }).split('\n').slice(1, 6)
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(40)
    expect(lines.join(' ').match(/word/g)).toHaveLength(30)
  })

  it('shows the first lines of a message that has hundreds', () => {
    const found = finding(place('Kustomization', 'web'), { state: 'failed', message: Array.from({ length: 300 }, (_, at) => `ConfigMap/apps/c${at} created`).join('\n') })
    expect(renderFinding(found, options)).toContain('… 288 more lines')
  })

  it('gives a terminal no commands that a message holds', () => {
    const found = finding(place('Kustomization', 'web'), { state: 'failed', message: '\u001b[2Jgone', facts: ['event x: \u001b]0;y\u0007z'] })
    expect(renderFinding(found, options)).not.toContain('\u001b')
  })
})
