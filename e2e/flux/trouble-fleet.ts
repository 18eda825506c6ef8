import type { TestFile } from '@weir/shared/testing'

/** A fleet in which something is wrong with nearly everything: one Kustomization for each kind of trouble. */
export const troubles = ['drifting', 'resting', 'unhealthy', 'unbuildable', 'refused', 'misspelled', 'waiting', 'leaving', 'parting'] as const

export type Trouble = (typeof troubles)[number]

/** Both systems say of these what is wrong. */
export const failing: readonly Trouble[] = ['unhealthy', 'unbuildable', 'refused', 'waiting']

/** Where all objects of the troubled live. */
export const place = 'troubles'

export function troubledFiles(): Readonly<Record<string, TestFile>> {
  const own = Object.fromEntries(troubles.map((name) => [`clusters/test/${name}.yaml`, kustomization(name)] as const))
  return {
    ...own,
    'clusters/test/place.yaml': `apiVersion: v1\nkind: Namespace\nmetadata:\n  name: ${place}\n`,
    'drifting/map.yaml': configMap('drifting', { declared: 'value' }),
    'drifting/gone.yaml': configMap('gone', { declared: 'value' }),
    'drifting/still.yaml': configMap('still', { declared: 'value' }),
    'resting/map.yaml': configMap('resting', { declared: 'value' }),
    'unhealthy/deployment.yaml': unschedulable('unhealthy'),
    'unbuildable/kustomization.yaml': 'resources:\n  - nobody-committed-this.yaml\n',
    'refused/sealed.yaml': `${configMap('sealed', { version: '1' })}immutable: true\n`,
    'misspelled/deployment.yaml': unschedulable('misspelled').replace('  replicas: 1\n', '  replicas: 1\n  replikas: 3\n'),
    'waiting/map.yaml': configMap('waiting', { declared: 'value' }),
    'leaving/map.yaml': configMap('leaving', { declared: 'value' }),
    'parting/map.yaml': configMap('parting', { declared: 'value' }),
    'parting/other.yaml': configMap('parting-too', { declared: 'value' }),
  }
}

/** What makes some of it fail: it was well once, or it would have no inventory. */
export function trouble(): Readonly<Record<string, TestFile>> {
  return { 'refused/sealed.yaml': `${configMap('sealed', { version: '2' })}immutable: true\n`, 'parting/other.yaml': undefined }
}

export function configMap(name: string, data: Readonly<Record<string, string>>): string {
  const lines = Object.entries(data).map(([key, value]) => `  ${key}: ${JSON.stringify(value)}\n`)
  return `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n  namespace: ${place}\ndata:\n${lines.join('')}`
}

/** No node has this label, so it never becomes ready. */
function unschedulable(name: string): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
  namespace: ${place}
spec:
  replicas: 1
  selector:
    matchLabels:
      app: ${name}
  template:
    metadata:
      labels:
        app: ${name}
    spec:
      nodeSelector:
        example.org/nowhere: "true"
      containers:
        - name: main
          image: registry.example/main:1
`
}

function kustomization(name: Trouble): string {
  const extra: Partial<Record<Trouble, string>> = { unhealthy: '  wait: true\n', waiting: '  dependsOn:\n    - name: unhealthy\n' }
  return `apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: ${name}
  namespace: flux-system
spec:
  interval: 1h
  retryInterval: 1h
  timeout: 30s
  path: ./${name}
  prune: true
  sourceRef:
    kind: GitRepository
    name: flux-system
${extra[name] ?? ''}`
}
