import type { AuditEntry, AuditTail } from './audit.ts'

/** The parts of a control plane. The fleet `api` has etcd and the API server only. */
export type PartName = 'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler' | 'kwok'

/**
 * - `api`: objects are stored and watched. Nothing acts on them: no rollouts, no garbage collection, no tokens, and a
 *   deleted Namespace stays Terminating
 * - `full`: the controllers of Kubernetes run too, and a simulated node runs pods
 */
export type Fleet = 'api' | 'full'

/** What a test needs to know of a cluster, whoever runs it. */
export interface Cluster extends AsyncDisposable {
  readonly url: string
  /**
   * Path of a kubeconfig file. `admin` (the default) may do everything; any other name is the controller
   * `system:serviceaccount:weir-system:<name>` with the rights that were granted to it, none at first. `<namespace>:<name>`
   * is the same of another namespace.
   */
  kubeconfig(user?: string): string
  /** Ends what was started for it and removes its temporary files. */
  stop(): Promise<void>
}

/** A control plane of our own on loopback. */
export interface ControlPlane extends Cluster {
  readonly fleet: Fleet
  /** The run's folder: certificates, kubeconfig files, logs, data. */
  readonly dir: string
  /** One JSON line a call and stage: `audit.k8s.io/v1` Event, level Metadata. */
  readonly auditLog: string
  /** Calls that were answered so far, oldest first. */
  readAudit(): Promise<readonly AuditEntry[]>
  /** Calls from now on; `take()` answers those since the last take. */
  tailAudit(): Promise<AuditTail>
  /** The part's own log file. */
  log(part: PartName): string
  /** Undefined while the part does not run. */
  pid(part: PartName): number | undefined
  /** Ends one part at once, as a crash would; resolves when it is gone. */
  kill(part: PartName): Promise<void>
  /** Starts a killed part again, or kills and starts a running one: same port, same data. Resolves when it is ready. */
  restart(part: PartName): Promise<void>
  /** Freezes one part: its connections stay open and say nothing. */
  pause(part: PartName): Promise<void>
  resume(part: PartName): void
}
