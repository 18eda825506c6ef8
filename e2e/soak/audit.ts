import { execFile } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { AuditEntry, ControlPlane } from '@weir/shared/control-plane'

const exec = promisify(execFile)

/** Our controllers, as the audit log names them. */
export const ourAgents = /^weir-(source|kustomize)-controller\//

/** Follows the audit log of an API server for hours: keeps what can prove a mistake, and gives the disk of the rest back. */
export interface Auditor {
  /** Deletions by our controllers, so far. */
  deletions(): readonly AuditEntry[]
  /** Calls of our controllers so far, by user agent without its version; watches are not counted. */
  calls(): Readonly<Record<string, number>>
  read(): Promise<void>
}

/** The last line may be unfinished: it is read again. */
const keptBytes = 1 << 20

export async function startAuditor(cluster: ControlPlane): Promise<Auditor> {
  const tail = await cluster.tailAudit()
  const deletions: AuditEntry[] = []
  const calls: Record<string, number> = {}
  return {
    deletions: () => deletions,
    calls: () => calls,
    async read() {
      const { size } = await stat(cluster.auditLog)
      for (const entry of (await tail.take()).filter(({ userAgent, verb }) => ourAgents.test(userAgent) && verb !== 'watch')) {
        const agent = entry.userAgent.replace(/\/.*/s, '')
        calls[agent] = (calls[agent] ?? 0) + 1
        if (entry.verb.startsWith('delete')) deletions.push(entry)
      }
      await punch(cluster.auditLog, size - keptBytes)
    },
  }
}

/** The API server goes on writing at the end; what lies before becomes a hole. A file system that cannot keeps its bytes. */
async function punch(file: string, bytes: number): Promise<void> {
  if (bytes > 0) await exec('fallocate', ['--punch-hole', '--offset', '0', '--length', String(bytes), file]).catch(() => undefined)
}
