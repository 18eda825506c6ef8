/** How kwok moves simulated nodes and pods along. Without stages it refuses to start. */
export function stagesConfig(): string {
  return stages.map((stage) => JSON.stringify(stage)).join('\n---\n')
}

type Requirement = readonly [key: string, operator: 'Exists' | 'DoesNotExist' | 'In' | 'NotIn', ...values: string[]]

interface StageParts {
  readonly kind: 'Node' | 'Pod'
  readonly when: readonly Requirement[]
  readonly next: object
  readonly delay?: { readonly durationMilliseconds: number; readonly jitterDurationMilliseconds: number }
}

function stage(name: string, { kind, when, next, delay }: StageParts): object {
  const matchExpressions = when.map(([key, operator, ...values]) => ({ key, operator, ...(values.length === 0 ? {} : { values }) }))
  return {
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'Stage',
    metadata: { name },
    spec: { resourceRef: { apiGroup: 'v1', kind }, selector: { matchExpressions }, next, ...(delay === undefined ? {} : { delay }) },
  }
}

const isAlive: Requirement = ['.metadata.deletionTimestamp', 'DoesNotExist']
const readyStatus = '.status.conditions.[] | select( .type == "Ready" ) | .status'

const nodeConditions = `
conditions:
{{ range NodeConditions }}
- type: {{ .type | Quote }}
  status: {{ .status | Quote }}
  reason: {{ .reason | Quote }}
  message: {{ .message | Quote }}
  lastHeartbeatTime: {{ Now | Quote }}
  lastTransitionTime: {{ or $.metadata.creationTimestamp Now | Quote }}
{{ end }}
`

const podReady = `
{{ $now := Now | Quote }}
phase: Running
startTime: {{ $now }}
conditions:
{{ range list "Initialized" "Ready" "ContainersReady" }}
- { type: {{ . }}, status: "True", lastTransitionTime: {{ $now }} }
{{ end }}
{{ range .spec.readinessGates }}
- { type: {{ .conditionType | Quote }}, status: "True", lastTransitionTime: {{ $now }} }
{{ end }}
initContainerStatuses:
{{ range .spec.initContainers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: ""
  restartCount: 0
  ready: true
{{ if eq .restartPolicy "Always" }}
  started: true
  state: { running: { startedAt: {{ $now }} } }
{{ else }}
  state: { terminated: { exitCode: 0, reason: Completed, startedAt: {{ $now }}, finishedAt: {{ $now }} } }
{{ end }}
{{ end }}
containerStatuses:
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: ""
  restartCount: 0
  ready: true
  started: true
  state: { running: { startedAt: {{ $now }} } }
{{ end }}
{{ with NodeIPsWith .spec.nodeName }}
hostIP: {{ index . 0 | Quote }}
hostIPs:
{{ range . }}
- ip: {{ . | Quote }}
{{ end }}
{{ end }}
{{ with PodIPsWith .spec.nodeName (or .spec.hostNetwork false) (or .metadata.uid "") (or .metadata.name "") (or .metadata.namespace "") }}
podIP: {{ index . 0 | Quote }}
podIPs:
{{ range . }}
- ip: {{ . | Quote }}
{{ end }}
{{ end }}
`

const podComplete = `
{{ $now := Now | Quote }}
phase: Succeeded
containerStatuses:
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: ""
  restartCount: 0
  ready: false
  started: false
  state: { terminated: { exitCode: 0, reason: Completed, startedAt: {{ $now }}, finishedAt: {{ $now }} } }
{{ end }}
`

const stages = [
  stage('node-initialize', {
    kind: 'Node',
    when: [[readyStatus, 'NotIn', 'True']],
    next: { statusTemplate: `phase: Running\n${nodeConditions}` },
  }),
  stage('node-heartbeat', {
    kind: 'Node',
    when: [[readyStatus, 'In', 'True']],
    delay: { durationMilliseconds: 600_000, jitterDurationMilliseconds: 610_000 }, // the lease says that it lives
    next: { statusTemplate: nodeConditions },
  }),
  stage('pod-ready', { kind: 'Pod', when: [isAlive, ['.status.phase', 'In', 'Pending'], [readyStatus, 'NotIn', 'True']], next: { statusTemplate: podReady } }),
  stage('pod-complete', {
    kind: 'Pod',
    when: [isAlive, ['.status.phase', 'In', 'Running'], ['.metadata.ownerReferences.[].kind', 'In', 'Job']],
    next: { statusTemplate: podComplete },
  }),
  stage('pod-delete', { kind: 'Pod', when: [['.metadata.deletionTimestamp', 'Exists']], next: { delete: true } }),
]
