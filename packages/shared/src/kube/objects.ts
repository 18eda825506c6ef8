import type { Kind } from '@weir/shared/api'
import type { KubeObject as PlainObject } from '@weir/shared/manifest'

/** Any object, as parsed: fields that are not named here are still there. */
export interface KubeObject extends PlainObject {
  readonly spec?: unknown
  readonly status?: unknown
}

/** A kind as discovery found it. Where only the address is read, api's Kind fits. */
export interface Resource extends Kind {
  readonly verbs: readonly string[]
  /** Has a `status` subresource. */
  readonly status: boolean
}

export interface Target {
  readonly resource: Kind
  /** Not read when the kind is cluster-scoped. */
  readonly namespace: string
  readonly name: string
}
