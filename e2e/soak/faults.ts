import { startFaultProxy, type Fault, type FaultProxy, type FaultRule } from '@weir/shared/testing'
import { startApiProxy, type ApiProxy } from '../api-proxy.ts'
import type { ControllerName, Platform } from '../platform.ts'

/** Everything between the parts, each behind a proxy of its own. */
export interface FaultyPaths extends AsyncDisposable {
  readonly api: Readonly<Record<ControllerName, ApiProxy>>
  readonly git: FaultProxy
  readonly artifacts: FaultProxy
  readonly nats: FaultProxy
  /** From now on one request in a hundred meets a fault. */
  begin(): void
  end(): void
  /** Injected so far: by path, then in all. */
  counts(): Readonly<Record<string, number>>
}

/** Of all requests; of watches, of which there are a few that last for minutes, a tenth. */
const share = 0.01
const watchShare = 0.1

export async function startFaultyPaths({ cluster, dir, storageAddress, nats }: Platform, options: { readonly git: string; readonly seed: number }): Promise<FaultyPaths> {
  const { seed } = options
  if (nats === undefined) throw new Error('a soak has a bus')
  const apiProxy = (controller: ControllerName): Promise<ApiProxy> => startApiProxy({ direct: cluster.kubeconfig(controller), dir, seed })
  const api = { 'source-controller': await apiProxy('source-controller'), 'kustomize-controller': await apiProxy('kustomize-controller') }
  const git = await startFaultProxy({ target: options.git, seed })
  const artifacts = await startFaultProxy({ target: `http://${storageAddress}`, seed })
  const bus = await startFaultProxy({ target: nats.url.replace(/^nats:/, 'tcp:'), seed })
  const proxies: Readonly<Record<string, FaultProxy>> = { sourceApi: api['source-controller'].proxy, kustomizeApi: api['kustomize-controller'].proxy, git, artifacts, nats: bus }
  return {
    api,
    git,
    artifacts,
    nats: bus,
    begin() {
      for (const { proxy } of Object.values(api)) proxy.use(apiRules)
      git.use(gitRules)
      artifacts.use(artifactRules)
      bus.use([{ fault: { kind: 'cut', afterMs: 90_000 }, probability: 0.5 }]) // of connections: both controllers hold one, for ever
    },
    end() {
      for (const proxy of Object.values(proxies)) proxy.use([])
    },
    counts: () => Object.fromEntries(Object.entries(proxies).map(([name, proxy]) => [name, proxy.injected().length])),
    [Symbol.asyncDispose]: async () => void (await Promise.all(Object.values(proxies).map((proxy) => proxy.close()))),
  }
}

/** Each gets an equal part of the share. */
function spread(faults: readonly (Fault | Omit<FaultRule, 'probability'>)[], of: number): readonly FaultRule[] {
  return faults.map((each) => ({ ...('kind' in each ? { fault: each } : each), probability: of / faults.length }))
}

const watches = /[?&]watch=(true|1)/
const writes = ['POST', 'PUT', 'PATCH', 'DELETE']

const apiRules: readonly FaultRule[] = [
  ...spread(
    [
      { fault: { kind: 'cut', afterMs: 20_000 }, path: watches },
      { fault: { kind: 'gone-event', afterMs: 20_000 }, path: watches },
      { fault: { kind: 'duplicate-lines' }, path: watches },
    ],
    watchShare,
  ),
  ...spread(
    [
      { kind: 'status', status: 429, retryAfterSeconds: 1 },
      { kind: 'status', status: 500 },
      { kind: 'status', status: 503 },
      { fault: { kind: 'status', status: 409 }, methods: writes },
      { kind: 'reset', at: 'request' },
      { kind: 'reset', at: 'response' },
      { kind: 'stall', at: 'response', ms: 3_000 },
      { kind: 'truncate', keepBytes: 40 },
      { fault: { kind: 'duplicate-request' }, methods: writes },
    ],
    share,
  ),
]

const gitRules = spread(
  [
    { kind: 'status', status: 503 },
    { kind: 'reset', at: 'request' },
    { kind: 'truncate', keepBytes: 60 },
    { kind: 'stall', at: 'response', ms: 3_000 },
  ],
  share,
)

const artifactRules = spread([{ kind: 'status', status: 500 }, { kind: 'cut', afterBytes: 100 }, { kind: 'truncate', keepBytes: 100 }, { kind: 'slow', bytesPerSecond: 20_000 }], share)
