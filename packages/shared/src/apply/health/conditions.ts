import { fieldAt, isFields } from '@weir/shared/manifest'
import type { KubeObject } from '@weir/shared/manifest'

/** A condition of any object, read tolerantly: what is missing is `''`. */
export interface StatedCondition {
  readonly type: string
  readonly status: string
  readonly reason: string
  readonly message: string
}

export function conditionsOf(object: KubeObject): readonly StatedCondition[] {
  const list = fieldAt(object, 'status', 'conditions')
  if (!Array.isArray(list)) return []
  return list.filter(isFields).map((condition) => ({
    type: text(condition['type']),
    status: text(condition['status']),
    reason: text(condition['reason']),
    message: text(condition['message']),
  }))
}

export const isTrue = ({ status }: StatedCondition): boolean => status === 'True'

const text = (value: unknown): string => (typeof value === 'string' ? value : '')
