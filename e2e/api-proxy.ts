import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { makeCertificates, startFaultProxy, type FaultProxy, type FaultRule } from '@weir/shared/testing'

/** A fault proxy in front of the API server, for one controller. */
export interface ApiProxy {
  readonly proxy: FaultProxy
  /** Path of a kubeconfig that leads to it. */
  readonly kubeconfig: string
}

export interface ApiProxyOptions {
  /** The controller's own kubeconfig: the proxy shows its certificate to the API server. */
  readonly direct: string
  /** Where the new kubeconfig is written. */
  readonly dir: string
  readonly seed: number
  readonly rules?: readonly FaultRule[]
}

interface Kubeconfig {
  readonly clusters: readonly { readonly cluster: { readonly server: string; readonly 'certificate-authority-data': string } }[]
  readonly users: readonly { readonly user: { readonly 'client-certificate-data': string; readonly 'client-key-data': string } }[]
}

/** The kubeconfig is one of the test control plane: JSON, with everything inside. */
export async function startApiProxy({ direct, dir, seed, rules = [] }: ApiProxyOptions): Promise<ApiProxy> {
  const config = JSON.parse(await readFile(direct, 'utf8')) as Kubeconfig
  const [cluster, user] = [config.clusters[0]?.cluster, config.users[0]?.user]
  if (cluster === undefined || user === undefined) throw new Error(`${direct} names no cluster or no user`)
  const decode = (base64: string): string => Buffer.from(base64, 'base64').toString('utf8')
  const certificates = await makeCertificates()
  const proxy = await startFaultProxy({
    target: cluster.server,
    seed,
    rules,
    tls: certificates.server,
    targetTls: { ca: decode(cluster['certificate-authority-data']), cert: decode(user['client-certificate-data']), key: decode(user['client-key-data']) },
  })
  const changed = { ...config, clusters: [{ name: 'weir', cluster: { server: proxy.url, 'certificate-authority-data': Buffer.from(certificates.ca).toString('base64') } }] }
  const kubeconfig = path.join(dir, `proxy-${proxy.port}.kubeconfig`)
  await writeFile(kubeconfig, JSON.stringify(changed), { mode: 0o600 })
  return { proxy, kubeconfig }
}
