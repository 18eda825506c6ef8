import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createApiClient } from './api-client.ts'
import type { ApiClient } from './api-client.ts'
import { openAuthority } from './certificates/authority.ts'
import type { Authority } from './certificates/authority.ts'
import type { Subject } from './certificates/certificate.ts'
import { readKubeconfig, subjectOf, writeKubeconfig } from './certificates/kubeconfig.ts'
import type { Fleet, PartName } from './control-plane.ts'
import { auditPolicy } from './parts.ts'
import type { Layout } from './parts.ts'
import type { RunFolder } from './processes/run-folder.ts'
import { createParts } from './run-parts.ts'
import type { CrashListener, Parts } from './run-parts.ts'
import { stagesConfig } from './stages.ts'

/** All that one start made. */
export interface Run {
  readonly folder: RunFolder
  readonly layout: Layout
  readonly parts: Parts
  readonly url: string
  readonly api: ApiClient
  /** Path of the kubeconfig file of `admin` or of a controller. */
  kubeconfig(user: string): string
}

export interface Preparation {
  readonly folder: RunFolder
  readonly binaries: Readonly<Partial<Record<PartName, string>>>
  readonly fleet: Fleet
  readonly port: number
  readonly onCrash?: CrashListener | undefined
}

/** Writes all files that the parts read. */
export function prepare({ folder, binaries, fleet, port, onCrash }: Preparation): Run {
  const { dir } = folder
  const url = `https://127.0.0.1:${port}`
  const authority = openAuthority(join(dir, 'certificates'), new Date())
  mkdirSync(join(dir, 'logs'), { recursive: true, mode: 0o700 })
  const config = kubeconfigWriter({ dir, url, authority })
  const layout: Layout = {
    dir,
    fleet,
    port,
    authority: authority.certificate,
    server: authority.server('kube-apiserver', ['127.0.0.1', 'localhost']),
    tokens: authority.keyPair('tokens'),
    auditLog: join(dir, 'audit.log'),
    auditPolicy: writeFile(join(dir, 'audit-policy.json'), JSON.stringify(auditPolicy)),
    stages: writeFile(join(dir, 'stages.yaml'), stagesConfig()),
    config: (part) => config(part, partSubject(part)),
  }
  const starter = config('weir-starter', { commonName: 'weir-starter', organizations: ['system:masters'] })
  const api = createApiClient(readKubeconfig(readFileSync(starter, 'utf8')))
  return { folder, layout, url, api, kubeconfig: (user) => config(user, subjectOf(user)), parts: createParts({ folder, binaries, layout, onCrash }) }
}

/** The API server's own roles know these two by name; kwok acts as every node and has no role there. */
function partSubject(part: PartName): Subject {
  return part === 'kwok' ? { commonName: 'kwok', organizations: ['system:masters'] } : { commonName: `system:${part}` }
}

function writeFile(path: string, text: string): string {
  writeFileSync(path, text, { mode: 0o600 })
  return path
}

/** Written at the first asking of this run: a kept folder may have files that name another port. */
function kubeconfigWriter({ dir, url, authority }: { dir: string; url: string; authority: Authority }): (user: string, subject: Subject) => string {
  const written = new Set<string>()
  return (user, subject) => {
    const path = join(dir, 'kubeconfig', `${user.replace(':', '.')}.json`) // KUBECONFIG is a list with colons
    if (!written.has(user)) writeKubeconfig(path, { url, user, authority: authority.certificate, client: authority.client(user, subject) })
    written.add(user)
    return path
  }
}
