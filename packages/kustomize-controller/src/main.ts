import { tmpdir } from 'node:os'
import path from 'node:path'
import { createFetcher } from '@weir/shared/artifact'
import { createKubectlEngine, createKustomizeService, EngineError, kubectlBinary, kustomizeEngineBinary, type Engine } from '@weir/shared/engine'
import { createRecorder } from '@weir/shared/events'
import { createHttp } from '@weir/shared/http'
import { createBuilder } from '@weir/shared/kustomize'
import { jsonOf, parseYaml } from '@weir/shared/manifest'
import { drainController, readiness, type Host, type Started } from '@weir/shared/runtime'
import type { Telemetry } from '@weir/shared/telemetry'
import { createKustomizationController } from './kustomization/controller.ts'
import type { KustomizeOptions } from './options.ts'
import { makeOwnFolder } from './own-folder.ts'

/** Starts kustomize-controller: Kustomizations are built from the artifacts of their sources and applied. */
export async function start(options: KustomizeOptions, host: Host): Promise<Started> {
  const { flags, gates, namespace } = options
  const { telemetry } = host
  const cachePath = flags['cache-path'] || path.join(tmpdir(), 'weir-kustomize-controller')
  await makeOwnFolder(cachePath)
  const http = createHttp({ telemetry, userAgent: 'weir-kustomize-controller' })
  // The engine first: its build may take minutes and can be given up, when there is nothing to close yet.
  const engine = await createEngine({ binary: flags['kustomize-engine'], viewsDir: path.join(cachePath, 'views'), signal: host.signal }, telemetry)
  const fetcher = await createFetcher({ http, cacheDir: path.join(cachePath, 'artifacts'), retries: flags['http-retry'], telemetry })
  const builder = createBuilder({ engine, telemetry })
  const stopCounting = countRequests(engine, telemetry)
  const recorder = createRecorder({ kube: host.kube, controller: telemetry.controller, eventsAddr: flags['events-addr'], http, telemetry })
  const isOn = (gate: string): boolean => gates.get(gate) === true
  const kustomizations = createKustomizationController({
    host,
    recorder,
    fetcher,
    builder,
    namespace,
    labelSelector: flags['watch-label-selector'],
    concurrent: flags.concurrent,
    retry: { minMs: flags['min-retry-delay'], maxMs: flags['max-retry-delay'] },
    jitterPercent: flags['interval-jitter-percentage'],
    ...(host.onStep && { onStep: host.onStep }),
    overrideManagers: flags['override-manager'],
    allowsExternalArtifact: isOn('ExternalArtifact'),
    rules: {
      concurrentSsa: flags['concurrent-ssa'],
      customStageKinds: flags['custom-apply-stage-kinds'].split(',').filter((kind) => kind !== ''),
      strictSubstitution: isOn('StrictPostBuildSubstitutions'),
      failFast: !isOn('DisableFailFastBehavior'),
      requeueDependencyMs: flags['requeue-dependency'],
      tellsUnchangedSuccess: !isOn('DisableCommitStatusEvent'),
    },
  })
  const working = host.leading.then(() => kustomizations.start())
  return {
    ready: readiness(host, kustomizations.synced, working),
    working,
    drain: (graceMs) => drainController({ controller: kustomizations.controller, recorder, clock: host.clock }, graceMs),
    abandon: () => kustomizations.controller.abandon(),
    async close() {
      kustomizations.close()
      await recorder.close()
      stopCounting()
      await engine.close()
      await fetcher.close()
      await http.close()
    },
  }
}

/** What the engine was really asked for, by its own count. */
function countRequests(engine: Engine, { metrics }: Telemetry): () => void {
  const requests = metrics.counter('weir_kustomize_engine_requests_total', 'Builds that the engine was asked for.', [])
  const told = { requests: 0 }
  return metrics.beforeScrape(() => {
    requests.inc({}, engine.builds() - told.requests)
    told.requests = engine.builds()
  })
}

interface EngineOptions {
  /** `''`: the one that belongs to this version, built if need be. */
  readonly binary: string
  readonly viewsDir: string
  readonly signal: AbortSignal
}

/** The kustomize service; where it cannot be had, kubectl does the same more slowly. */
async function createEngine({ binary, viewsDir, signal }: EngineOptions, telemetry: Telemetry): Promise<Engine> {
  if (binary !== '') return createKustomizeService({ binary, telemetry })
  const { log } = telemetry
  try {
    return createKustomizeService({ binary: await kustomizeEngineBinary({ log, signal }), telemetry })
  } catch (error) {
    if (!(error instanceof EngineError) || error.code === 'aborted') throw error
    log.error('the kustomize service cannot be had: builds run through kubectl, which is slower', { error })
    return createKubectlEngine({ kubectl: await kubectlBinary({ log, signal }), temp: viewsDir, telemetry, toJson: (yaml) => jsonOf(parseYaml(yaml, { dialect: 'kyaml' })) })
  }
}
