import { z } from 'zod'
import { artifactSchema } from './artifact.ts'
import { conditionsSchema } from './conditions.ts'
import { duration, int64, localReference, shortDuration } from './shape.ts'

const include = z.object({
  fromPath: z.string().optional().describe('Folder of the included artifact to take; all of it where empty.'),
  repository: localReference('the GitRepository in the same namespace').describe('The GitRepository whose artifact is included.'),
  toPath: z.string().optional().describe('Folder to put the content into; the name of the included repository where empty.'),
})

const ref = z.object({
  branch: z.string().optional().describe('Branch to follow; `master` where no other field of the reference is set.'),
  commit: z
    .string()
    .optional()
    .describe('Full SHA-1 of one commit. Wins over every other field; together with `branch` it is looked up in that branch.'),
  name: z.string().optional().describe('Full name of a reference, such as `refs/heads/main` or `refs/pull/1/head`. Wins over tag, semver and branch.'),
  semver: z.string().optional().describe('Range of versions; the highest tag inside it is taken. Wins over branch.'),
  tag: z.string().optional().describe('Tag to check out. Wins over semver and branch.'),
})

const verify = z.object({
  mode: z
    .enum(['head', 'HEAD', 'Tag', 'TagAndHEAD'])
    .default('HEAD')
    .optional()
    .describe('Which signature is checked: that of the commit (`HEAD`, formerly `head`), of the tag, or both.'),
  secretRef: localReference('the Secret').describe('Secret with the public keys of trusted authors.'),
})

/** What a user may ask of a GitRepository. */
export const gitRepositorySpec = z
  .object({
    ignore: z.string().optional().describe('Patterns in the syntax of .gitignore for files to leave out of the artifact; added after those of `.sourceignore` files.'),
    include: z.array(include).optional().describe('Artifacts of other GitRepositories to place inside this one.'),
    interval: duration().describe('How often the repository is asked for a new revision.'),
    provider: z
      .enum(['generic', 'aws', 'azure', 'github'])
      .optional()
      .describe('How to log in: with a Secret (`generic`, also where empty), the identity of a cloud, or a GitHub App.'),
    proxySecretRef: localReference('the Secret').optional().describe('Secret with the address of the proxy to go through, and a login for it.'),
    recurseSubmodules: z.boolean().optional().describe('Whether the content of submodules becomes part of the artifact.'),
    ref: ref.optional().describe('What to check out; the branch `master` where empty.'),
    secretRef: localReference('the Secret').optional().describe('Secret with the login for the repository.'),
    serviceAccountName: z.string().optional().describe('ServiceAccount whose cloud identity logs in; only with provider `aws` or `azure`.'),
    sparseCheckout: z.array(z.string()).optional().describe('Folders to check out; all of them where empty.'),
    suspend: z.boolean().optional().describe('Leave the repository and its artifact alone.'),
    timeout: shortDuration().default('60s').optional().describe('Longest time that one Git operation may take.'),
    url: z.string().regex(/^(http|https|ssh):\/\/.*$/).describe('Address of the repository, over HTTP, HTTPS or SSH.'),
    verify: verify.optional().describe('Signatures to check before a revision is stored.'),
  })
  .meta({
    'x-kubernetes-validations': [
      {
        message: "serviceAccountName can only be set when provider is 'azure' or 'aws'",
        rule: "!has(self.serviceAccountName) || (has(self.provider) && (self.provider == 'azure' || self.provider == 'aws'))",
      },
    ],
  })

/** What source-controller tells about a GitRepository. */
export const gitRepositoryStatus = z.object({
  artifact: artifactSchema.optional().describe('The last stored content.'),
  conditions: conditionsSchema,
  includedArtifacts: z.array(artifactSchema).optional().describe('The artifacts that were placed inside the stored one, in the order of `spec.include`.'),
  lastHandledReconcileAt: z.string().optional().describe('The last token of `reconcile.fluxcd.io/requestedAt` that a run has answered.'),
  observedGeneration: int64().optional().describe('The last generation of the spec that was dealt with.'),
  observedIgnore: z.string().optional().describe('`spec.ignore` as it was when the artifact was stored.'),
  observedInclude: z.array(include).optional().describe('`spec.include` as it was when the artifact was stored.'),
  observedRecurseSubmodules: z.boolean().optional().describe('`spec.recurseSubmodules` as it was when the artifact was stored.'),
  observedSparseCheckout: z.array(z.string()).optional().describe('`spec.sparseCheckout` as it was when the artifact was stored.'),
  sourceVerificationFingerprint: z.string().optional().describe('Digest over the keys that the revision was last verified with; another one means verifying again.'),
  sourceVerificationMode: z.string().optional().describe('Which signatures the revision was last verified by.'),
})
