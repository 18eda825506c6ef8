import { z } from 'zod'
import { conditionsSchema } from './conditions.ts'
import { kustomizationBuildFields } from './kustomization-build.ts'
import { duration, int64, localReference, timestamp } from './shape.ts'
import { targetSelector } from './selector.ts'

const decryption = z.object({
  provider: z.enum(['sops']).describe('The tool that the content was encrypted with.'),
  secretRef: localReference('the Secret').optional().describe('Secret with the private keys.'),
  serviceAccountName: z.string().optional().describe('ServiceAccount whose cloud identity may use the key service.'),
})

const dependency = z.object({
  name: z.string().describe('Name of the Kustomization to wait for.'),
  namespace: z.string().optional().describe('Its namespace; that of this object where empty.'),
  readyExpr: z.string().optional().describe('CEL expression over `self` and `dep` that decides, in place of the built-in check, whether it is ready.'),
})

const healthExpression = z.object({
  apiVersion: z.string().describe('API version of the objects that this rule judges; only its group is compared.'),
  current: z.string().describe('CEL expression that is true once the object is as it should be.'),
  failed: z.string().optional().describe('CEL expression that is true when the object has failed.'),
  inProgress: z.string().optional().describe('CEL expression that is true while the object is on its way.'),
  kind: z.string().optional().describe('Kind of the objects that this rule judges; the whole group where empty.'),
})

const healthCheck = z.object({
  apiVersion: z.string().optional().describe('API version of the object; `apps/v1` where empty.'),
  kind: z.string().describe('Kind of the object.'),
  name: z.string().describe('Name of the object.'),
  namespace: z.string().optional().describe('Namespace of the object.'),
})

const ignoreRule = z.object({
  paths: z.array(z.string()).describe('JSON pointers of the fields that may differ.'),
  target: targetSelector.optional().describe('Objects that the rule is for; all where empty.'),
})

const kubeConfig = z
  .object({
    configMapRef: localReference('the ConfigMap').optional().describe('ConfigMap that describes how to reach a cluster with a cloud identity.'),
    secretRef: z
      .object({
        key: z.string().optional().describe('Key of the kubeconfig in the Secret; `value` or `value.yaml` where empty.'),
        name: z.string().describe('Name of the Secret.'),
      })
      .optional()
      .describe('Secret that holds a self-contained kubeconfig.'),
  })
  .meta({
    'x-kubernetes-validations': [
      {
        message: 'exactly one of spec.kubeConfig.configMapRef or spec.kubeConfig.secretRef must be specified',
        rule: 'has(self.configMapRef) != has(self.secretRef)',
      },
    ],
  })

const sourceRef = z.object({
  apiVersion: z.string().optional().describe('API version of the source.'),
  kind: z.enum(['OCIRepository', 'GitRepository', 'Bucket', 'ExternalArtifact']).describe('Kind of the source.'),
  name: z.string().describe('Name of the source.'),
  namespace: z.string().optional().describe('Namespace of the source; that of this object where empty.'),
})

/** What a user may ask of a Kustomization. */
export const kustomizationSpec = z.object({
  ...kustomizationBuildFields,
  decryption: decryption.optional().describe('How to read encrypted content.'),
  deletionPolicy: z
    .enum(['MirrorPrune', 'Delete', 'WaitForTermination', 'Orphan'])
    .optional()
    .describe('What becomes of the applied objects when this object is deleted: as `prune` says (`MirrorPrune`, also where empty), deleted, deleted and waited for, or left.'),
  dependsOn: z.array(dependency).optional().describe('Kustomizations that must be ready before this one is applied.'),
  force: z.boolean().default(false).optional().describe('Recreate an object when a change of an immutable field is refused.'),
  healthCheckExprs: z.array(healthExpression).optional().describe('Rules for the health of kinds that do not follow the usual conventions.'),
  healthChecks: z.array(healthCheck).optional().describe('Objects that must be current before this one is ready; not read where `wait` is set.'),
  ignore: z.array(ignoreRule).optional().describe('Fields that others may change without it counting as drift.'),
  interval: duration().describe('How often the objects are compared with the source where nothing else asks for it.'),
  kubeConfig: kubeConfig.optional().describe('The cluster to apply to; the own one where empty.'),
  path: z.string().optional().describe('Folder of the artifact to build; its root where empty.'),
  prune: z.boolean().describe('Delete applied objects that the source no longer declares.'),
  retryInterval: duration().optional().describe('How long to wait after a failure; `interval` where empty.'),
  serviceAccountName: z.string().optional().describe('ServiceAccount to act as when applying.'),
  sourceRef: sourceRef.describe('The source whose artifact is built.'),
  suspend: z.boolean().optional().describe('Leave the applied objects alone.'),
  timeout: duration().optional().describe('Longest time that a wait for health or for termination may take; `interval` less 30 seconds where empty, at least 30 seconds.'),
  wait: z.boolean().optional().describe('Be ready only once every applied object is current.'),
})

const inventoryEntry = z.object({
  id: z.string().describe('The object, as `<namespace>_<name>_<group>_<Kind>`.'),
  v: z.string().describe('API version it was applied with, without its group.'),
})

const historyEntry = z.object({
  digest: z.string().describe('Digest of what was built.'),
  firstReconciled: timestamp().describe('When this digest first ended a run this way.'),
  lastReconciled: timestamp().describe('When this digest last ended a run this way.'),
  lastReconciledDuration: z.string().describe('How long that last run took.'),
  lastReconciledStatus: z.string().describe('How those runs ended, as the reason of the Ready condition.'),
  metadata: z.record(z.string(), z.string()).optional().describe('Facts about the content, such as its revision.'),
  totalReconciliations: int64().describe('How many runs ended this way with this digest.'),
})

/** What kustomize-controller tells about a Kustomization. */
export const kustomizationStatus = z.object({
  conditions: conditionsSchema,
  history: z.array(historyEntry).optional().describe('The last digests and how their runs ended, newest first.'),
  inventory: z
    .object({ entries: z.array(inventoryEntry).describe('One entry for each object.') })
    .optional()
    .describe('The objects that this one owns in the cluster.'),
  lastAppliedOriginRevision: z.string().optional().describe('The revision that the last applied artifact was made from elsewhere.'),
  lastAppliedRevision: z.string().optional().describe('The last revision that was applied, pruned and found healthy.'),
  lastAttemptedRevision: z.string().optional().describe('The last revision that a run was started with.'),
  lastHandledReconcileAt: z.string().optional().describe('The last token of `reconcile.fluxcd.io/requestedAt` that a run has answered.'),
  observedGeneration: int64().optional().describe('The last generation of the spec that was dealt with.'),
})
