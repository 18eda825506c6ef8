import path from 'node:path'
import { createStore, serveStore, type ArtifactServer } from '@weir/shared/artifact'
import { createRecorder } from '@weir/shared/events'
import { createGit } from '@weir/shared/git'
import { createHttp } from '@weir/shared/http'
import { drainController, readiness, type Host, type Started } from '@weir/shared/runtime'
import { advertisedAddress } from './advertised.ts'
import { foldersOf, makeFolders } from './folders.ts'
import { createGitRepositoryController } from './git-repository/controller.ts'
import type { SourceOptions } from './options.ts'

/** Starts source-controller: sources are fetched, stored, and served to whoever builds them. */
export async function start(options: SourceOptions, host: Host): Promise<Started> {
  const { flags, namespace } = options
  const { telemetry } = host
  const folders = foldersOf(flags)
  await makeFolders(folders)
  const http = createHttp({ telemetry, userAgent: 'weir-source-controller' })
  const recorder = createRecorder({ kube: host.kube, controller: telemetry.controller, eventsAddr: flags['events-addr'], http, telemetry })
  const git = await createGit({
    cacheDir: path.join(folders.gitCache, 'git'),
    telemetry,
    environment: options.environment,
    sshKexAlgorithms: flags['ssh-kex-algos'],
    sshHostKeyAlgorithms: flags['ssh-hostkey-algos'],
  })
  const served: { server?: ArtifactServer } = {}
  const repositories = createGitRepositoryController({
    host,
    recorder,
    git,
    namespace,
    labelSelector: flags['watch-label-selector'],
    concurrent: flags.concurrent,
    retry: { minMs: flags['min-retry-delay'], maxMs: flags['max-retry-delay'] },
    jitterPercent: flags['interval-jitter-percentage'],
    ...(host.onStep && { onStep: host.onStep }),
  })
  // Only a leader serves: a follower's store is empty, and its readiness keeps it out of the Service (contract 2.4).
  const working = host.leading.then(async () => {
    served.server = await serveStore({ root: folders.storage, address: flags['storage-addr'], telemetry })
    const store = createStore({
      root: folders.storage,
      advertised: advertisedAddress(flags['storage-adv-addr'], served.server.address, options.hostname),
      retention: { ttlMs: flags['artifact-retention-ttl'], records: flags['artifact-retention-records'] },
      digestAlgorithm: flags['artifact-digest-algo'],
      telemetry,
      now: () => host.clock.now(),
    })
    await store.purge()
    telemetry.log.info('serving artifacts', { address: served.server.address })
    await repositories.start(store)
  })
  return {
    ready: readiness(host, repositories.synced, working),
    working,
    drain: (graceMs) => drainController({ controller: repositories.controller, recorder, clock: host.clock }, graceMs),
    abandon: () => repositories.controller.abandon(),
    async close() {
      repositories.close()
      await recorder.close()
      await git.close()
      await served.server?.close()
      await http.close()
    },
  }
}
