/** The metrics page of a controller, as text. */
export async function readMetrics(url: string): Promise<string> {
  const answer = await fetch(url)
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${url}: HTTP ${answer.status}`)
  return text
}

/** Views that were handed to an engine. 0 before the first one. */
export function readBuilds(metrics: string): number {
  return Number(/^weir_kustomize_engine_requests_total(?:\{[^}]*\})? (\S+)$/m.exec(metrics)?.[1] ?? 0)
}

/** Undefined for a process that is no Node. MiB of what Node holds: the heap, the part of it in use, and buffers outside of it. The rest of a process is code, stacks and what malloc keeps. */
export function readHeap(metrics: string): { readonly heapMiB: number; readonly usedMiB: number; readonly externalMiB: number } | undefined {
  if (!metrics.includes('\nnodejs_heap_size_total_bytes')) return undefined
  const mib = (name: string): number => Math.round(Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(metrics)?.[1] ?? Number.NaN) / 1024 / 1024)
  return { heapMiB: mib('nodejs_heap_size_total_bytes'), usedMiB: mib('nodejs_heap_size_used_bytes'), externalMiB: mib('nodejs_external_memory_bytes') }
}
