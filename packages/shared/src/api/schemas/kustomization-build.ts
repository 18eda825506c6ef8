import { z } from 'zod'
import { targetSelector } from './selector.ts'

const stringMap = z.record(z.string(), z.string())

const commonMetadata = z.object({
  annotations: stringMap.optional().describe('Annotations for every object.'),
  labels: stringMap.optional().describe('Labels for every object.'),
})

const image = z.object({
  digest: z.string().optional().describe('Digest to pin the image to; takes the place of a tag.'),
  name: z.string().describe('The image as it is written in the files, without a tag.'),
  newName: z.string().optional().describe('Name to write instead.'),
  newTag: z.string().optional().describe('Tag to write instead; takes the place of a digest.'),
})

const patch = z.object({
  patch: z.string().describe('A strategic merge patch or a list of JSON patch operations, as YAML.'),
  target: targetSelector.optional().describe('Objects to patch; a strategic merge patch without it names its own.'),
})

const substituteReference = z.object({
  kind: z.enum(['Secret', 'ConfigMap']).describe('Kind of the object that holds the values.'),
  name: z.string().min(1).max(253).describe('Name of the object, in the namespace of this one.'),
  optional: z.boolean().default(false).optional().describe('Go on without it where it does not exist.'),
})

const postBuild = z.object({
  substitute: stringMap.optional().describe('Variables and their values; they win over those of `substituteFrom`.'),
  substituteFrom: z.array(substituteReference).optional().describe('Secrets and ConfigMaps whose keys are variables; a later one wins.'),
  substituteStrategy: z
    .enum(['WithVariables', 'Always'])
    .optional()
    .describe('Whether variables are replaced only where any are given (`WithVariables`, also where empty) or always.'),
})

/** The fields of a Kustomization's spec that shape what is built. */
export const kustomizationBuildFields = {
  buildMetadata: z
    .array(z.enum(['originAnnotations', 'transformerAnnotations']))
    .optional()
    .describe('Annotations for kustomize to add that tell where an object came from and what changed it.'),
  commonMetadata: commonMetadata.optional().describe('Labels and annotations set on every object after the build.'),
  components: z.array(z.string()).optional().describe('Folders of kustomize components to add, relative to `path`.'),
  ignoreMissingComponents: z.boolean().optional().describe('Leave out components whose folder does not exist.'),
  images: z.array(image).optional().describe('Images to write in place of others.'),
  namePrefix: z.string().min(1).max(200).optional().describe('Put in front of the name of every object.'),
  nameSuffix: z.string().min(1).max(200).optional().describe('Put behind the name of every object.'),
  patches: z.array(patch).optional().describe('Changes to built objects, in order, after those of the kustomization file.'),
  postBuild: postBuild.optional().describe('Replacement of variables in the built objects.'),
  targetNamespace: z.string().min(1).max(63).optional().describe('Namespace for every object, whatever the files say.'),
}
