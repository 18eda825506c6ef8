import type { GitRepository, GitRepositorySpec } from '@weir/shared/api'
import { stalled, type Stop } from '@weir/shared/runtime'

type Refusal = { readonly field: string; readonly asks: (spec: GitRepositorySpec) => boolean }

/** Fields that mean something this controller does not do yet. Ignoring one would serve other content, or unverified content. */
const refusals: readonly Refusal[] = [
  { field: 'spec.verify', asks: ({ verify }) => verify !== undefined },
  { field: 'spec.include', asks: ({ include }) => include !== undefined && include.length > 0 },
  { field: 'spec.recurseSubmodules', asks: ({ recurseSubmodules }) => recurseSubmodules === true },
  { field: 'spec.sparseCheckout', asks: ({ sparseCheckout }) => sparseCheckout !== undefined && sparseCheckout.length > 0 },
  { field: 'spec.proxySecretRef', asks: ({ proxySecretRef }) => proxySecretRef !== undefined },
  { field: 'spec.serviceAccountName', asks: ({ serviceAccountName }) => serviceAccountName !== undefined && serviceAccountName !== '' },
  { field: 'spec.provider', asks: ({ provider }) => provider !== undefined && provider !== 'generic' },
]

/** The first field that is not built yet, as a Stop that names it. The artifact stays as it is. */
export function refuseUnsupported({ spec }: GitRepository): Stop | undefined {
  const refused = refusals.find(({ asks }) => asks(spec))
  return refused && stalled({ reason: 'NotSupported', message: `${refused.field} is not supported yet: nothing was fetched`, blames: 'FetchFailed' })
}
