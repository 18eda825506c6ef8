import type { Check } from './checks.ts'

/**
 * The programs that tests start: built or unpacked before the tests, with a line of progress each, so that no test waits for
 * a compiler. Later runs find them in the cache. The rooms are loaded late: one that is broken is a failed check, not the end.
 */
export function preparations(print: (line: string) => void): readonly Check[] {
  return [
    prepare('the kustomize engine', async () => {
      const { kustomizeEngineBinary } = await import('@weir/shared/engine')
      await kustomizeEngineBinary()
    }),
    prepare('kubectl and helm', async () => {
      const { helmBinary, kubectlBinary } = await import('@weir/shared/engine')
      await Promise.all([kubectlBinary(), helmBinary()])
    }),
    prepare('the control plane and nats-server', async () => {
      const { buildControlPlane, readyAssets } = await import('@weir/shared/control-plane')
      if (readyAssets() === undefined) await buildControlPlane({ onProgress: print })
    }),
  ]
}

function prepare(name: string, build: () => Promise<void>): Check {
  return {
    name,
    run: () =>
      build().then(
        () => ({ kind: 'passed', why: '' }),
        (error: unknown) => ({ kind: 'failed', why: error instanceof Error ? error.message : String(error) }),
      ),
  }
}
