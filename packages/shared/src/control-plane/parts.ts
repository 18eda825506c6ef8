import { join } from 'node:path'
import type { CertificateFiles } from './certificates/authority.ts'
import type { Fleet, PartName } from './control-plane.ts'

/** What the flags of the parts are made of. */
export interface Layout {
  readonly dir: string
  readonly fleet: Fleet
  readonly port: number
  readonly authority: string
  readonly server: CertificateFiles
  readonly tokens: { readonly publicKey: string; readonly privateKey: string }
  readonly auditLog: string
  readonly auditPolicy: string
  readonly stages: string
  /** Kubeconfig file of a part. */
  readonly config: (part: PartName) => string
}

export function partsOf(fleet: Fleet): readonly PartName[] {
  const api = ['etcd', 'kube-apiserver'] as const
  return fleet === 'api' ? api : [...api, 'kube-controller-manager', 'kube-scheduler', 'kwok']
}

/**
 * etcd is reached through a socket in the run's folder, which is its working directory: no port to lose, no other user of
 * the machine can reach it, and no API server can meet another one's etcd. The `:0` is how etcd writes such a name.
 */
const clientSocket = 'unix://etcd.sock:0'
const peerSocket = 'unix://peer.sock:0'

export function argsOf(part: PartName, layout: Layout): readonly string[] {
  switch (part) {
    case 'etcd':
      return etcdArgs(layout)
    case 'kube-apiserver':
      return apiServerArgs(layout)
    case 'kube-controller-manager':
      return [
        ...fromKubeconfig(layout.config(part)),
        '--use-service-account-credentials',
        `--service-account-private-key-file=${layout.tokens.privateKey}`,
        `--root-ca-file=${layout.authority}`,
      ]
    case 'kube-scheduler':
      return fromKubeconfig(layout.config(part))
    case 'kwok':
      return [`--kubeconfig=${layout.config(part)}`, `--config=${layout.stages}`, '--manage-all-nodes=true', '--node-lease-duration-seconds=40']
  }
}

function etcdArgs({ dir }: Layout): readonly string[] {
  return [
    '--name=weir',
    `--data-dir=${join(dir, 'etcd')}`,
    `--listen-client-urls=${clientSocket}`,
    `--advertise-client-urls=${clientSocket}`,
    `--listen-peer-urls=${peerSocket}`,
    `--initial-advertise-peer-urls=${peerSocket}`,
    `--initial-cluster=weir=${peerSocket}`,
    '--unsafe-no-fsync', // a crash of the machine may lose the run, a crash of etcd does not
    '--watch-progress-notify-interval=5s', // as kubeadm; the default of 10 min starves quiet watches of bookmarks
    '--log-level=warn',
  ]
}

function apiServerArgs({ dir, fleet, port, authority, server, tokens, auditLog, auditPolicy }: Layout): readonly string[] {
  return [
    `--etcd-servers=${clientSocket}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${port}`,
    `--cert-dir=${dir}`,
    `--tls-cert-file=${server.certificate}`,
    `--tls-private-key-file=${server.key}`,
    `--client-ca-file=${authority}`,
    `--service-account-key-file=${tokens.publicKey}`,
    `--service-account-signing-key-file=${tokens.privateKey}`,
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    '--authorization-mode=RBAC',
    '--anonymous-auth=false',
    '--service-cluster-ip-range=10.96.0.0/12', // the default is too small for 1,000 Services
    '--endpoint-reconciler-type=none',
    '--allow-privileged=true',
    '--profiling=false',
    `--audit-policy-file=${auditPolicy}`,
    `--audit-log-path=${auditLog}`,
    '--audit-log-maxsize=1000000', // MB: never rotated, readers count from one file
    // Nobody makes the ServiceAccounts that this plugin asks for when the controllers of Kubernetes do not run.
    ...(fleet === 'api' ? ['--disable-admission-plugins=ServiceAccount'] : []),
  ]
}

/** One instance, no port of its own, and no limit that a large fleet would wait for. */
function fromKubeconfig(config: string): readonly string[] {
  return [`--kubeconfig=${config}`, '--leader-elect=false', '--secure-port=0', '--kube-api-qps=500', '--kube-api-burst=1000']
}

export const auditPolicy = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  omitManagedFields: true,
  rules: [{ level: 'Metadata' }],
}
