import type { Kind } from '@weir/shared/api'
import type { Kube } from '@weir/shared/kube'
import type { PartKind } from './fleet-plan.ts'
import { ownedKinds } from './judge.ts'
import type { Act } from './plan.ts'
import type { Site } from './render-unit.ts'

const changes: Readonly<Partial<Record<PartKind, object>>> = {
  ConfigMap: { data: { value: 'by hand' } },
  Secret: { data: { value: Buffer.from('by hand').toString('base64') } },
  ServiceAccount: { metadata: { annotations: { value: 'by hand' } } },
  Service: { spec: { selector: { value: 'by-hand' } } },
  Role: { rules: [] },
}

const added = { metadata: { annotations: { 'chaos.weir.dev/by-hand': 'added' } } }

/** What a person does with `kubectl edit` or `kubectl delete`; an object that is not there now is left alone. */
export async function editByHand(kube: Kube, { namespace }: Site, { unit, part, how }: Extract<Act, { kind: 'edit' }>): Promise<void> {
  const resource: Kind | undefined = ownedKinds.find(({ kind }) => kind === part.kind)
  if (resource === undefined) throw new Error(`${part.kind} is not edited`)
  const target = { resource, namespace, name: `${unit}-${part.name}` }
  const body = how === 'add' ? added : changes[part.kind]
  const edit = how === 'delete' ? kube.delete(target) : kube.patch(target, { type: 'merge', body, manager: 'kubectl-edit' })
  await edit.catch(() => undefined)
}
