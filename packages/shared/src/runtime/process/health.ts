import type { HealthServer } from './host.ts'

type Checks = Map<string, () => boolean>

/** What the health endpoints answer. */
export interface Health {
  /** The registration of one controller: its names are prefixed. */
  of(controller: string): HealthServer
  answer(path: string): { readonly status: number; readonly body: string }
}

/** /healthz and /readyz, as controller-runtime has them: 200 "ok", or 500 and the names of what is not. */
export function createHealth(): Health {
  const ready: Checks = new Map()
  const healthy: Checks = new Map()
  return {
    of: (controller) => ({
      ready: (name, check) => void ready.set(`${controller}/${name}`, check),
      healthy: (name, check) => void healthy.set(`${controller}/${name}`, check),
    }),
    answer(path) {
      if (path === '/healthz' || path.startsWith('/healthz/')) return verdict(healthy)
      if (path === '/readyz' || path.startsWith('/readyz/')) return verdict(ready)
      return { status: 404, body: 'not found\n' }
    },
  }
}

function verdict(checks: Checks): { readonly status: number; readonly body: string } {
  const failing = [...checks].flatMap(([name, check]) => (check() ? [] : [name])).sort()
  if (failing.length === 0) return { status: 200, body: 'ok' }
  return { status: 500, body: `${failing.map((name) => `[-]${name} not ready`).join('\n')}\n` }
}
