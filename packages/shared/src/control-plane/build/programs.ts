import type { AssetName } from './assets.ts'

/** How one program is built. */
export interface Program {
  /** Folder of the Go module that pins it. */
  readonly module: string
  /** Import path; with `added`: a path in the module, `./cmd/x`. */
  readonly package: string
  /** Name of the module whose pinned version is the program's. */
  readonly versionOf: string
  readonly ldflags: (version: string) => string
  /**
   * Files by their path in the module `versionOf`, for one that was published without something it embeds: the program is
   * then built in a copy of that module, with them added.
   */
  readonly added?: Readonly<Record<string, string>>
}

const stripped = '-s -w'

/** Without these a Kubernetes program calls itself v0.0.0-master, and every client that parses the version fails. */
function kubernetesVersion(version: string): string {
  const [, major = '', minor = ''] = /^v(\d+)\.(\d+)\./.exec(version) ?? []
  const values = { gitVersion: version, gitMajor: major, gitMinor: minor }
  const flags = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((path) =>
    Object.entries(values).map(([name, value]) => `-X ${path}.${name}=${value}`),
  )
  return [stripped, ...flags].join(' ')
}

function kubernetes(name: string): Program {
  return { module: 'kubernetes', package: `k8s.io/kubernetes/cmd/${name}`, versionOf: 'k8s.io/kubernetes', ldflags: kubernetesVersion }
}

/** In the order of building: the quick ones first. */
export const programs: Readonly<Record<AssetName, Program>> = {
  etcd: { module: 'etcd', package: 'go.etcd.io/etcd/server/v3', versionOf: 'go.etcd.io/etcd/server/v3', ldflags: () => stripped },
  'nats-server': { module: 'nats', package: 'github.com/nats-io/nats-server/v2', versionOf: 'github.com/nats-io/nats-server/v2', ldflags: () => stripped },
  'kube-apiserver': kubernetes('kube-apiserver'),
  'kube-controller-manager': kubernetes('kube-controller-manager'),
  'kube-scheduler': kubernetes('kube-scheduler'),
  kwok: { module: 'kubernetes', package: 'sigs.k8s.io/kwok/cmd/kwok', versionOf: 'sigs.k8s.io/kwok', ldflags: kubernetesVersion },
}

export const assetNames = Object.keys(programs) as readonly AssetName[]

/** The version that a go.mod requires of a module. */
export function pinnedVersion(goMod: string, module: string): string {
  const words = goMod.split('\n').map((line) => line.trim().replace(/^require /, '').split(/\s+/))
  const version = words.find(([name, version]) => name === module && version?.startsWith('v') === true)?.[1]
  if (version === undefined) throw new Error(`go.mod does not require ${module}`)
  return version
}

/** The oldest Go that may build a module: `1.26.0`. */
export function wantedGo(goMod: string): string {
  const version = /^go (\S+)$/m.exec(goMod)?.[1]
  if (version === undefined) throw new Error('go.mod has no go line')
  return version
}
