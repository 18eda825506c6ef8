import { describe, expect, it } from '@jest/globals'
import type { KubeObject } from '@weir/shared/kube'
import { troubleOfPod } from './pod.ts'

const pod = (status: object): KubeObject => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web-1', namespace: 'apps' }, status })
const container = (state: object, more: object = {}): object => ({ name: 'app', image: 'registry.example/app:1', ready: false, restartCount: 0, state, ...more })

describe('troubleOfPod', () => {
  it('names the container, why it ended and how often', () => {
    const lastState = { terminated: { exitCode: 2, reason: 'Error', message: 'panic: password=hunter22secret\nboom' } }
    const found = troubleOfPod(pod({ phase: 'Running', containerStatuses: [container({ waiting: { reason: 'CrashLoopBackOff', message: 'back-off' } }, { lastState, restartCount: 4 })] }), [])
    expect(found).toMatchObject({ state: 'failed', causes: [{ place: { kind: 'Container', name: 'web-1/app' }, reason: 'CrashLoopBackOff', message: 'back-off' }] })
    const facts = found.causes[0]?.facts.join('\n')
    expect(facts).toMatch(/restarted 4 times\nended with exit code 2 \(Error\): panic.*boom\nimage registry/)
    expect(facts).not.toContain('hunter22secret')
  })

  it.each([
    ['out of memory', container({ waiting: { reason: 'CrashLoopBackOff' } }, { lastState: { terminated: { exitCode: 137, reason: 'OOMKilled' } } }), 'OOMKilled', 'failed'],
    ['an image that cannot be pulled', container({ waiting: { reason: 'ImagePullBackOff', message: 'x' } }), 'ImagePullBackOff', 'failed'],
    ['a container that ended', container({ terminated: { exitCode: 1, reason: 'Error' } }), 'Error', 'failed'],
    ['a probe that fails', container({ running: {} }), 'NotReady', 'waiting'],
  ])('%s', (_, status, reason, state) => {
    expect(troubleOfPod(pod({ phase: 'Running', containerStatuses: [status] }), [])).toMatchObject({ state, causes: [{ reason }] })
  })

  it('blames the init container that the others wait for', () => {
    const waiting = { name: 'app', state: { waiting: { reason: 'PodInitializing' } } }
    const found = troubleOfPod(pod({ phase: 'Pending', initContainerStatuses: [{ ...container({ terminated: { exitCode: 3, reason: 'Error' } }), name: 'migrate' }], containerStatuses: [waiting] }), [])
    expect(found.causes.map(({ place }) => place.name)).toEqual(['web-1/migrate'])
  })

  it('says why no node takes it', () => {
    const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/1 nodes are available' }]
    expect(troubleOfPod(pod({ phase: 'Pending', conditions }), [])).toMatchObject({ state: 'failed', reason: 'Unschedulable', message: '0/1 nodes are available' })
  })

  it('takes the last warning where the status says nothing', () => {
    const warnings = [{ reason: 'FailedMount', message: 'configmap "x" not found', count: 3 }]
    expect(troubleOfPod(pod({ phase: 'Pending', containerStatuses: [container({ waiting: { reason: 'ContainerCreating' } })] }), warnings)).toMatchObject({ state: 'waiting', reason: 'FailedMount' })
  })

  it('says that it was evicted', () => expect(troubleOfPod(pod({ phase: 'Failed', reason: 'Evicted', message: 'low on memory' }), [])).toMatchObject({ state: 'failed', reason: 'Evicted' }))
})
