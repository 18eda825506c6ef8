import { readAuditLog, tailAuditLog } from './audit.ts'
import type { ControlPlane, PartName } from './control-plane.ts'
import { ControlPlaneError } from './control-plane-error.ts'
import { partsOf } from './parts.ts'
import type { Child } from './processes/child.ts'
import { waitForApi } from './ready.ts'
import type { Run } from './run.ts'

/** What the owner of a running control plane holds. */
export function controlPlaneOf(run: Run): ControlPlane {
  const { folder, layout, parts, url, kubeconfig } = run
  const state: { stopping?: Promise<void> } = {}
  const stop = (): Promise<void> => {
    state.stopping ??= stopParts(run, 'gently').then(() => folder.close())
    return state.stopping
  }
  return {
    fleet: layout.fleet,
    dir: folder.dir,
    url,
    auditLog: layout.auditLog,
    kubeconfig: (user = 'admin') => kubeconfig(user),
    readAudit: () => readAuditLog(layout.auditLog),
    tailAudit: () => tailAuditLog(layout.auditLog),
    log: (part) => parts.log(part),
    pid: (part) => parts.running(part)?.pid,
    kill: (part) => parts.end(part, 0),
    restart: (part) => restart(run, part),
    pause: async (part) => runningPart(run, part).pause(),
    resume: (part) => runningPart(run, part).signal('SIGCONT'),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

async function restart(run: Run, part: PartName): Promise<void> {
  await run.parts.end(part, 0)
  await run.parts.start(part)
  const isApiUp = run.parts.running('etcd') !== undefined && run.parts.running('kube-apiserver') !== undefined
  if (isApiUp) await waitForApi(run)
}

function runningPart({ parts }: Run, part: PartName): Child {
  const child = parts.running(part)
  if (child === undefined) throw new ControlPlaneError('unsupported', `${part} does not run`)
  return child
}

/** The API server goes before etcd: one without etcd lingers and keeps its port. */
export async function stopParts({ parts, api, layout }: Run, how: 'at once' | 'gently'): Promise<void> {
  api.close()
  const others = partsOf(layout.fleet).filter((part) => part !== 'etcd')
  await Promise.all(others.map((part) => parts.end(part, 0)))
  await parts.end('etcd', how === 'gently' ? 3000 : 0)
}
