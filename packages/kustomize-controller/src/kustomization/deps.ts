import { apiVersionOf, kustomizationKind, type Kustomization } from '@weir/shared/api'
import { decodeKustomization } from '@weir/shared/api/schemas'
import { createFights } from '@weir/shared/apply'
import { decodeStored, keyOf, type Key, type Stored } from '@weir/shared/runtime'
import { checkDependencies, type Neighbours } from './inputs/dependencies.ts'
import { findSource } from './inputs/find-source.ts'
import { textsOf } from './inputs/references.ts'
import { nameOfSource } from './inputs/sources.ts'
import type { Deps } from './ports.ts'
import type { Wiring } from './wiring.ts'

/** What runs may ask of the world. */
export function createDeps(wiring: Wiring, wakeLater: Deps['wakeLater']): Deps {
  const { parts, cache, live, memory, references, dependencies, pace } = wiring
  const { host, rules } = parts
  const sourceRules = { allowsExternalArtifact: parts.allowsExternalArtifact, requeueDependencyMs: rules.requeueDependencyMs }
  const decode = decodeStored(decodeKustomization)
  const find = async (key: Key): Promise<Stored<Kustomization> | undefined> => {
    const cached = cache.get(key.namespace, key.name)
    const watchesAll = parts.labelSelector === '' && (parts.namespace === undefined || parts.namespace === key.namespace)
    if (cached || watchesAll) return cached
    const read = await host.kube.get({ resource: kustomizationKind, ...key })
    return read && decode(read)
  }
  const neighbours: Neighbours = {
    find,
    cycle: (key) => dependencies.cycle(key),
    revisionOf: (source, namespace) => wiring.sources().get(nameOfSource(source, namespace))?.artifact?.revision,
  }
  return {
    rules,
    clock: host.clock,
    kube: host.kube,
    live,
    fights: createFights(),
    fetcher: parts.fetcher,
    builder: parts.builder,
    memory,
    wakeLater,
    verified: (objects) => pace.spend(objects),
    findSource: (kustomization) => findSource(kustomization, wiring.sources(), sourceRules),
    async checkDependencies(kustomization) {
      const key = keyOf(kustomization.metadata)
      memory.block(key) // before it looks: what becomes ready meanwhile wakes it
      const stop = await checkDependencies(kustomization, neighbours, rules.requeueDependencyMs)
      if (stop === undefined) memory.unblock(key)
      else if (stop.kind === 'stalled') memory.block(key, dependencies.cycle(key))
      return stop
    },
    async readReference(kind, namespace, name) {
      const object = await references.read({ kind, namespace, name })
      return object && textsOf(object)
    },
    tell(kustomization, event) {
      const object = { apiVersion: apiVersionOf(kustomizationKind), kind: kustomizationKind.kind, metadata: kustomization.metadata }
      parts.recorder.record({ object, ...event })
    },
    announce: (type, key, facts) => host.bus.publish({ type, subject: { kind: kustomizationKind.kind, ...key }, facts }),
  }
}
