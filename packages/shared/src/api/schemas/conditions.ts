import { z } from 'zod'
import { int64, timestamp } from './shape.ts'

const typePattern = /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$/
const reasonPattern = /^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/

const condition = z.object({
  lastTransitionTime: timestamp().describe('When status, reason or message last changed.'),
  message: z.string().max(32_768).describe('What a person should know, in a sentence.'),
  observedGeneration: int64().min(0).optional().describe('The generation of the object that this condition speaks of.'),
  reason: z.string().min(1).max(1_024).regex(reasonPattern).describe('One word for programs: why the status is what it is.'),
  status: z.enum(['True', 'False', 'Unknown']).describe('Whether the condition holds.'),
  type: z.string().max(316).regex(typePattern).describe('What the condition is about.'),
})

/** Schema of `status.conditions`, the same in every kind. */
export const conditionsSchema = z.array(condition).optional().describe('The state of the object, one entry for each aspect.')
