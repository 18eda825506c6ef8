import type { Kind } from '@weir/shared/api'
import { customResourceDefinitions, type CustomResourceDefinition } from '@weir/shared/api/schemas'
import type { Kube, KubeObject } from '@weir/shared/kube'
import { fieldAt, isFields } from '@weir/shared/manifest'
import { CliError, exitCodes } from '../exit-codes.ts'
import { conditionOf } from '../get/row.ts'

const definitionKind: Kind = { group: 'apiextensions.k8s.io', version: 'v1', kind: 'CustomResourceDefinition', plural: 'customresourcedefinitions', namespaced: false }
const establishedDeadlineMs = 30_000
const pollMs = 100

export interface Definitions {
  readonly created: readonly string[]
  /** Were there already, whoever installed them: left as they are. */
  readonly kept: readonly string[]
}

/** Creates the definitions that a cluster lacks and resolves when they are served. One that is there is never replaced. */
export async function createMissingDefinitions(kube: Pick<Kube, 'get' | 'create'>, signal: AbortSignal): Promise<Definitions> {
  const created: string[] = []
  const kept: string[] = []
  for (const definition of customResourceDefinitions()) {
    const { name } = definition.metadata
    const found = await kube.get({ resource: definitionKind, namespace: '', name }, { signal })
    if (found === undefined) await kube.create(definitionKind, definition, { manager: 'weir', signal })
    else refuseOtherVersion(found, definition)
    ;(found === undefined ? created : kept).push(name)
  }
  for (const name of created) await untilEstablished(kube, name, signal)
  return { created, kept }
}

function refuseOtherVersion(found: KubeObject, wanted: CustomResourceDefinition): void {
  const versions = fieldAt(found, 'spec', 'versions')
  const served = Array.isArray(versions) ? versions.filter(isFields).filter((version) => version['served'] === true) : []
  const missing = wanted.spec.versions.find(({ name }) => !served.some((version) => version['name'] === name))
  if (missing === undefined) return
  throw new CliError(exitCodes.failed, `${found.metadata.name} is there and does not serve ${missing.name}: upgrade it; it is not replaced from here`)
}

async function untilEstablished(kube: Pick<Kube, 'get'>, name: string, signal: AbortSignal): Promise<void> {
  const untilMs = performance.now() + establishedDeadlineMs
  for (;;) {
    const found = await kube.get({ resource: definitionKind, namespace: '', name }, { signal })
    if (found !== undefined && conditionOf(found, 'Established')?.status === 'True') return
    if (performance.now() > untilMs) throw new CliError(exitCodes.failed, `${name} was created and is not served after ${establishedDeadlineMs / 1000} s`)
    await new Promise((resolve) => setTimeout(resolve, pollMs))
  }
}
