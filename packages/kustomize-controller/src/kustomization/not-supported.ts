import { stalled, type Stop } from '@weir/shared/runtime'
import type { Kustomization, KustomizationSpec } from '@weir/shared/api'

type Refusal = { readonly field: string; readonly asks: (spec: KustomizationSpec) => boolean }

/** Fields that mean something this controller does not do yet. Ignoring one would apply other objects, or as somebody else. */
const refusals: readonly Refusal[] = [
  { field: 'spec.decryption', asks: (spec) => spec.decryption !== undefined },
  { field: 'spec.kubeConfig', asks: (spec) => spec.kubeConfig !== undefined },
  { field: 'spec.serviceAccountName', asks: (spec) => isSet(spec.serviceAccountName) },
  { field: 'spec.healthCheckExprs', asks: (spec) => isSet(spec.healthCheckExprs) },
  { field: 'spec.ignore', asks: (spec) => isSet(spec.ignore) },
  { field: 'spec.dependsOn[].readyExpr', asks: (spec) => (spec.dependsOn ?? []).some((each) => isSet(each.readyExpr)) },
]

/** The first field that is not built yet, as a Stop that names it; nothing of the object is read beyond its spec. */
export function refuseUnsupported(kustomization: Kustomization): Stop | undefined {
  const refused = refusals.find(({ asks }) => asks(kustomization.spec))
  return refused && stalled({ reason: 'NotSupported', message: `${refused.field} is not supported yet: nothing was applied` })
}

function isSet(value: string | readonly unknown[] | undefined): boolean {
  return value !== undefined && value.length > 0
}
