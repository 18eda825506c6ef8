/** An object of the controller's kind. */
export interface Key {
  readonly namespace: string
  readonly name: string
}

/** Why a key is queued, best first: the queue serves in this order. */
export const wakeClasses = ['deletion', 'token', 'spec', 'source', 'dependency', 'drift', 'interval', 'verification'] as const

export type WakeClass = (typeof wakeClasses)[number]

/** "namespace/name" */
export function textOf(key: Key): string {
  return `${key.namespace}/${key.name}`
}

/** 0 is served first. */
export function rankOf(wakeClass: WakeClass): number {
  return wakeClasses.indexOf(wakeClass)
}

export function betterOf(a: WakeClass, b: WakeClass): WakeClass {
  return rankOf(a) <= rankOf(b) ? a : b
}
