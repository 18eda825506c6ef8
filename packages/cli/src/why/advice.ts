import { isSourceKind } from './places.ts'
import type { Finding } from './finding.ts'

/** A finding that matches every part of a row gets its advice; the first row counts. */
interface AdviceRow {
  readonly of?: 'source' | 'Kustomization' | 'object' | 'Container'
  readonly state?: Finding['state']
  /** Exactly one of these reasons. */
  readonly reasons?: readonly string[]
  readonly says?: RegExp
  readonly relation?: string
  readonly advice: string
}

/** The reasons of a Kustomization whose object the API server did not take or give. */
const refusals = ['ReconciliationFailed', 'PruneFailed']

const rows: readonly AdviceRow[] = [
  // Of everything.
  { state: 'suspended', advice: 'It is suspended: set spec.suspend to false to go on.' },
  { state: 'unreadable', advice: 'Ask for the right to read this, or run the command as somebody who has it.' },
  { state: 'missing', of: 'source', advice: 'Create the source, or mend spec.sourceRef of the Kustomization.' },
  { state: 'missing', of: 'Kustomization', advice: 'Create the Kustomization, or take it out of spec.dependsOn.' },
  { state: 'missing', says: /Secret|login/, advice: 'Create the Secret that spec.secretRef names, with the keys of docs/spec/gitrepository.md.' },
  { state: 'missing', relation: 'checks', advice: 'Create it, or take it out of spec.healthChecks: this Kustomization applies nothing of that name.' },
  { state: 'missing', advice: 'It was applied and is gone: see who deletes it. The next run applies it again.' },
  { reasons: ['NotReconciled'], advice: 'Is the controller running? `kubectl get deployments -A -l app.kubernetes.io/part-of=flux`, or start it with `weir up --kubeconfig FILE`.' },
  { reasons: ['NotSupported'], advice: 'Remove the field that the message names, or leave this object to Flux.' },
  { reasons: ['InvalidSpec'], advice: 'Mend the field that the message names.' },
  { reasons: ['AccessDenied'], advice: 'References to other namespaces are not allowed here: move the source into this namespace.' },

  // Sources.
  { of: 'source', says: /host key|known_hosts|knownhosts/i, advice: 'Put the host key of the Git server (ssh-keyscan HOST) into known_hosts of the Secret, after checking it.' },
  { of: 'source', says: /certificate|x509|self.signed|unable to verify|SSL|TLS/i, advice: 'The certificate is not trusted: put the CA into ca.crt of the Secret.' },
  { of: 'source', says: /authentication|authoriz|denied|permission|401|403|could not read Username/i, advice: 'The server refuses the login: renew what is in the Secret of spec.secretRef.' },
  { of: 'source', reasons: ['AuthenticationFailed'], advice: 'See to the Secret of spec.secretRef: it is missing, lacks a key, or the login in it is refused.' },
  { of: 'source', says: /resolve host|be resolved|lookup|ENOTFOUND|no such host|EAI_AGAIN/i, advice: 'The host name of spec.url does not resolve: mend the URL, or DNS where the controller runs.' },
  { of: 'source', says: /refused|unreachable|timed? ?out|deadline|ECONNRE|EHOSTUNREACH|connect/i, advice: 'The server does not answer from where the controller runs: see to the server, the network policy or a proxy.' },
  { of: 'source', says: /no tag|no match.*(semver|range|constraint)|semver|constraint/i, advice: 'No tag is in the range of spec.ref.semver: push one, or widen the range.' },
  { of: 'source', says: /reference|revision|branch|not found|remote ref|does not exist/i, advice: 'See that spec.url and spec.ref name something that exists there.' },
  { of: 'source', reasons: ['EmptyGitRepository'], advice: 'Push a first commit.' },
  { of: 'source', reasons: ['URLInvalid', 'InvalidURL'], advice: 'Mend spec.url.' },
  { of: 'source', says: /no space|ENOSPC|disk|\bfull\b/i, advice: 'The storage of source-controller is full: enlarge the volume.' },
  { of: 'source', reasons: ['Progressing'], advice: 'Wait: it is being fetched. `weir get --watch` shows when it is done.' },
  { of: 'source', advice: 'Read the message. `kubectl annotate --overwrite KIND NAME reconcile.fluxcd.io/requestedAt="$(date +%s)"` asks for another try.' },

  // Kustomizations.
  { of: 'Kustomization', reasons: ['DependencyCycle'], advice: 'Take one of these out of spec.dependsOn of another.' },
  { of: 'Kustomization', reasons: ['ArtifactFailed'], says: /path not found|no such directory/i, advice: 'Mend spec.path: the source has no such folder at this revision.' },
  { of: 'Kustomization', reasons: ['BuildFailed'], says: /substitute from .*not found/i, advice: 'Create the ConfigMap or Secret that the message names, or mark it `optional: true` in spec.postBuild.substituteFrom.' },
  { of: 'Kustomization', reasons: ['BuildFailed'], says: /substitut|variable/i, advice: 'Give the variable a value in spec.postBuild, or a default: ${name:-default}.' },
  { of: 'Kustomization', reasons: ['BuildFailed'], says: /no resource matches strategic merge patch/i, advice: 'A patch is for an object that the folder does not build: mend its kind, name or namespace, in spec.patches of the Kustomization or in the file.' },
  { of: 'Kustomization', reasons: ['BuildFailed'], advice: 'Mend the file that the message names and push. Until then what was applied before stays as it is. `kubectl kustomize FOLDER` shows the same error.' },
  { of: 'Kustomization', reasons: ['PruneFailed'], says: /allow-empty|empty/i, advice: 'The build is empty: mend spec.path, or annotate the Kustomization with weir.dev/allow-empty="true" if everything shall go.' },

  // Objects that were refused.
  { reasons: refusals, says: /immutable|may not be (changed|updated)|updates to .* forbidden/i, advice: 'The field cannot be changed in place: annotate the object with kustomize.toolkit.fluxcd.io/force: enabled (it is deleted and created again), or give it another name.' },
  { reasons: refusals, says: /no matches for kind|not-served|no such kind/i, advice: 'The definition of that kind is not installed: install it, from a Kustomization that this one depends on.' },
  { reasons: refusals, says: /namespace not specified/i, advice: 'Say where the object belongs: metadata.namespace in the file, or spec.targetNamespace of the Kustomization.' },
  { reasons: refusals, says: /namespaces? .*not found/i, advice: 'Create the namespace, in the same folder or in a Kustomization that this one depends on.' },
  { reasons: refusals, says: /webhook/i, advice: 'An admission webhook refuses the object or does not answer: mend the object, or the webhook.' },
  { reasons: refusals, says: /exceeded quota|quota/i, advice: 'The quota of the namespace is used up: raise it, or ask for less.' },
  { reasons: refusals, says: /forbidden|cannot (get|list|create|patch|delete)/i, advice: 'Give the controller the right that the message names.' },
  { reasons: ['ReconciliationFailed'], advice: 'Mend the object that the message names and push.' },
  { reasons: ['PruneFailed'], advice: 'See why the object that the message names cannot be deleted: rights, webhooks, finalizers.' },

  // Kustomizations that wait.
  { of: 'Kustomization', reasons: ['DependencyNotReady'], advice: 'It goes on by itself when its dependency is ready at the same revision.' },
  { of: 'Kustomization', reasons: ['HealthCheckFailed'], advice: 'See to the objects that the message lists. The next change of them, or the next interval, checks again.' },
  { of: 'Kustomization', reasons: ['Progressing', 'ProgressingWithRetry', 'HealthCheckCanceled'], advice: 'Wait: it is being reconciled. `weir get --watch` shows when it is done.' },

  // Containers and Pods.
  { reasons: ['ImagePullBackOff', 'ErrImagePull', 'InvalidImageName', 'ErrImageNeverPull'], says: /unauthorized|denied|authentication|403|401/i, advice: 'The registry refuses the pull: see to imagePullSecrets of the Pod or its ServiceAccount.' },
  { reasons: ['ImagePullBackOff', 'ErrImagePull', 'InvalidImageName', 'ErrImageNeverPull'], advice: 'See that image name and tag exist in the registry and the node can reach it.' },
  { reasons: ['OOMKilled'], advice: 'It used more memory than its limit: raise resources.limits.memory, or find the leak.' },
  { reasons: ['CreateContainerConfigError', 'CreateContainerError'], advice: 'Create the ConfigMap or Secret, or the key in it, that the message names.' },
  { reasons: ['CrashLoopBackOff', 'Error', 'StartError', 'RunContainerError', 'ContainerCannotRun'], advice: 'Read what it said before it ended: `kubectl logs POD -c CONTAINER --previous`.' },
  { reasons: ['NotReady'], of: 'Container', advice: 'Its readiness probe does not succeed: compare the probe with what the container serves.' },
  { reasons: ['Unschedulable'], says: /persistentvolumeclaim|volume/i, advice: 'The volume cannot be had: see to the PersistentVolumeClaim, its class and zone.' },
  { reasons: ['Unschedulable'], says: /insufficient|taint|affinity|selector/i, advice: 'No node fits: ask for less, add nodes, or mend selector, affinity and tolerations.' },
  { reasons: ['Unschedulable'], advice: 'No node takes the Pod: the message says what each lacks.' },
  { reasons: ['Evicted'], advice: 'The node was short of memory or disk: set requests that fit, and see to the node.' },
  { reasons: ['FailedMount', 'FailedAttachVolume'], advice: 'A volume cannot be mounted: the ConfigMap, Secret or claim that the message names is missing or busy.' },
  { reasons: ['FailedCreate', 'ReplicaFailure'], says: /quota/i, advice: 'The quota of the namespace is used up: raise it, or ask for less.' },
  { reasons: ['FailedCreate', 'ReplicaFailure'], says: /serviceaccount|service account/i, advice: 'Create the ServiceAccount that the Pod template names.' },
  { reasons: ['FailedCreate', 'ReplicaFailure'], advice: 'The Pod is refused when it is created: mend the Pod template as the message says.' },
  { reasons: ['BackoffLimitExceeded', 'DeadlineExceeded'], advice: 'The Job gave up: read the logs of its Pods, then delete it so that it is applied anew.' },
  { reasons: ['ProgressDeadlineExceeded'], advice: 'The rollout does not advance: mend the Pod template, or take the commit back; an undo in the cluster would be corrected.' },
  { of: 'object', state: 'waiting', advice: 'It is on its way. If it stays like this, `kubectl describe` shows its events.' },
]

/** What a person should do about a finding; undefined where it is ready. */
export function adviceFor(found: Finding): string | undefined {
  if (found.state === 'ready') return undefined
  return rows.find((row) => matches(row, found))?.advice ?? 'Read the message and the events of the object: `kubectl describe` shows both.'
}

function matches({ of, state, reasons, says, relation }: AdviceRow, found: Finding): boolean {
  return (
    (of === undefined || isOf(of, found)) &&
    (state === undefined || state === found.state) &&
    (relation === undefined || relation === found.relation) &&
    (reasons === undefined || reasons.includes(found.reason)) &&
    (says === undefined || says.test([found.message, ...found.facts].join('\n')))
  )
}

function isOf(of: NonNullable<AdviceRow['of']>, { place }: Finding): boolean {
  switch (of) {
    case 'source':
      return isSourceKind(place.kind)
    case 'object':
      return !isSourceKind(place.kind) && place.kind !== 'Kustomization'
    case 'Kustomization':
    case 'Container':
      return place.kind === of
  }
}
