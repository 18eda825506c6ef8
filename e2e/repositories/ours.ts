import path from 'node:path'
import { createKubectlEngine, createKustomizeService, kubectlBinary, kustomizeEngineBinary, type BuiltObject, type Engine } from '@weir/shared/engine'
import type { Tree } from '@weir/shared/files'
import { createBuilder, KustomizeError, type Builder, type KustomizeErrorCode } from '@weir/shared/kustomize'
import { jsonOf, parseYaml } from '@weir/shared/manifest'
import { quietTelemetry } from '@weir/shared/telemetry'

/** What Weir made of a directory. */
export type Attempt = BuiltAttempt | FailedAttempt

export interface BuiltAttempt {
  readonly kind: 'built'
  readonly key: string
  readonly objects: readonly BuiltObject[]
  /** An engine ran for it. */
  readonly fresh: boolean
}

export interface FailedAttempt {
  readonly kind: 'failed'
  readonly code: KustomizeErrorCode
  readonly message: string
  readonly file: string | undefined
  readonly line: number | undefined
}

/** Weir's way from a tree to objects, with one engine. */
export interface OurBuilder {
  readonly name: 'service' | 'fallback'
  build(tree: Tree, directory: string): Promise<Attempt>
  /** Builds that the engine started. */
  engineBuilds(): number
  counts: Builder['counts']
  /** The files that the engine was last shown for a directory: its closure. */
  readBy(directory: string): ReadonlySet<string>
  close(): Promise<void>
}

export async function startService(signal: AbortSignal): Promise<OurBuilder> {
  return builderWith('service', createKustomizeService({ binary: await kustomizeEngineBinary({ signal }), telemetry: quietTelemetry() }), signal)
}

export async function startFallback(temp: string, signal: AbortSignal): Promise<OurBuilder> {
  const toJson = (yaml: string): string => jsonOf(parseYaml(yaml, { dialect: 'kyaml' }))
  const engine = createKubectlEngine({ kubectl: await kubectlBinary({ signal }), temp: path.join(temp, 'views'), toJson, telemetry: quietTelemetry() })
  return builderWith('fallback', engine, signal)
}

function builderWith(name: OurBuilder['name'], engine: Engine, signal: AbortSignal): OurBuilder {
  const shown = new Map<string, ReadonlySet<string>>()
  const watched: Engine = {
    ...engine,
    build(view, limits) {
      shown.set(view.path, new Set(view.files.keys()))
      return engine.build(view, limits)
    },
  }
  const builder = createBuilder({ engine: watched, telemetry: quietTelemetry(), budgetBytes: 256 << 20, deadlineMs: 120_000 })
  return {
    name,
    engineBuilds: () => engine.builds(),
    counts: builder.counts,
    readBy: (directory) => shown.get(directory) ?? new Set(),
    close: () => engine.close(),
    async build(tree, directory) {
      try {
        const { key, objects, fresh } = await builder.build({ tree, spec: { path: directory }, owner: directory, texts: true, signal })
        return { kind: 'built', key, fresh, objects: objects.map(({ json, yaml = '' }) => ({ json, yaml })) }
      } catch (error) {
        signal.throwIfAborted()
        if (!(error instanceof KustomizeError)) throw error
        const { code, message, file, line } = error
        return { kind: 'failed', code, message, file, line }
      }
    },
  }
}
