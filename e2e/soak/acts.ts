import { kustomizationKind, type Kind } from '@weir/shared/api'
import type { Kube, Target } from '@weir/shared/kube'
import { applyAs, readKustomization, until } from '../fleet.ts'
import { namespace } from '../flow.ts'
import { appsNamespace, baseFiles, filesOf, kustomizationFor, type App } from './apps.ts'
import type { Ledger } from './ledger.ts'
import type { Happening, Open } from './plan.ts'

export interface Acts {
  act(happening: Happening): Promise<void>
  /** Broken apps and deleted Kustomizations that somebody has to come back to, oldest first. */
  readonly broken: readonly Open[]
  readonly gone: readonly Open[]
}

const configMaps: Kind = { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true }
const goneTimeoutMs = 180_000

/** How each happening is done: in Git, or at the API server as a person with kubectl would. */
export function createActs(kube: Kube, ledger: Ledger): Acts {
  const broken: Open[] = []
  const gone: Open[] = []
  const state = { release: 0 }
  const pushApp = (app: App, message: string): Promise<string> => ledger.commit(app.repository, filesOf(app), message)
  const settingsOf = ({ name }: App): Target => ({ resource: configMaps, namespace: appsNamespace, name: `${name}-settings` })
  const deleteKustomization = async (app: App): Promise<void> => {
    app.isGone = true
    gone.push({ app, sinceMs: performance.now() })
    await ledger.redeclare(app, 'delete kustomization', async () => void (await kube.delete({ resource: kustomizationKind, namespace, name: app.name })))
  }
  const createKustomization = async (app: App): Promise<void> => {
    const isGone = async (): Promise<true | undefined> => ((await readKustomization(kube, { namespace, name: app.name })) === undefined ? true : undefined)
    await until(`${app.name} is gone`, isGone, { timeoutMs: goneTimeoutMs, everyMs: 500 })
    app.isGone = false
    forget(gone, app)
    await ledger.redeclare(app, 'create kustomization', async () => {
      await applyAs(kube, kustomizationFor(app, namespace))
      return ledger.last().get(app.repository)
    })
  }
  const breakOrFix = async (app: App, message: 'break' | 'fix'): Promise<void> => {
    app.isBroken = message === 'break'
    if (app.isBroken) broken.push({ app, sinceMs: performance.now() })
    else forget(broken, app)
    app.value += 1
    await pushApp(app, message)
  }
  const editByHand = async (app: App): Promise<void> => {
    const body = { data: { value: 'by hand', more: 'by hand' } }
    await kube.patch(settingsOf(app), { type: 'merge', body, manager: 'kubectl-edit' }).catch(() => undefined) // it may not be back from the last deletion
  }
  const act = async (happening: Happening): Promise<void> => {
    switch (happening.kind) {
      case 'change':
        for (const app of happening.apps) app.value += 1
        return void (await ledger.commit(happening.apps[0]?.repository ?? '', Object.assign({}, ...happening.apps.map(filesOf)), 'change'))
      case 'change base':
        state.release += 1
        return void (await ledger.commit(happening.repository, baseFiles(state.release), 'change base'))
      case 'toggle extra':
        happening.app.hasExtra = !happening.app.hasExtra
        return ledger.redeclare(happening.app, 'toggle extra', () => pushApp(happening.app, 'toggle extra'))
      case 'break':
      case 'fix':
        return breakOrFix(happening.app, happening.kind)
      case 'delete by hand':
        return void (await kube.delete(settingsOf(happening.app)))
      case 'edit by hand':
        return editByHand(happening.app)
      case 'delete kustomization':
        return deleteKustomization(happening.app)
      case 'create kustomization':
        return createKustomization(happening.app)
    }
  }
  return { act, broken, gone }
}

function forget(open: Open[], app: App): void {
  const at = open.findIndex((each) => each.app === app)
  if (at >= 0) open.splice(at, 1)
}
