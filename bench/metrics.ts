/** The metrics page of a controller, as text. */
export async function readMetrics(url: string): Promise<string> {
  const answer = await fetch(url)
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${url}: HTTP ${answer.status}`)
  return text
}

/**
 * Undefined for a process that is no Node. MiB of what Node holds: the heap, the part of it in use, and buffers outside of it. The rest of a process is
 * code, stacks and what malloc keeps. Throws where one of them is missing beside the others.
 */
export function readHeap(metrics: string): { readonly heapMiB: number; readonly usedMiB: number; readonly externalMiB: number } | undefined {
  if (!metrics.includes('\nnodejs_heap_size_total_bytes')) return undefined
  const mib = (name: string): number => Math.round(valueOf(metrics, name) / 1024 / 1024)
  return { heapMiB: mib('nodejs_heap_size_total_bytes'), usedMiB: mib('nodejs_heap_size_used_bytes'), externalMiB: mib('nodejs_external_memory_bytes') }
}

/** Of the first row of this name. A row that is missing is no zero. */
function valueOf(metrics: string, name: string): number {
  const text = new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(metrics)?.[1]
  const value = Number(text ?? Number.NaN)
  if (Number.isNaN(value)) throw new Error(`no metric ${name}`)
  return value
}
