import { z } from 'zod'

/** Which built objects a patch or a rule is for. Every set field must match; the first five are anchored regular expressions. */
export const targetSelector = z.object({
  annotationSelector: z.string().optional().describe('Selector over the annotations, in the syntax of label selectors.'),
  group: z.string().optional().describe('API group.'),
  kind: z.string().optional().describe('Kind.'),
  labelSelector: z.string().optional().describe('Selector over the labels.'),
  name: z.string().optional().describe('Name.'),
  namespace: z.string().optional().describe('Namespace.'),
  version: z.string().optional().describe('API version without its group.'),
})
