/** Bounds calls to the API server, over all that share it; by default nothing does. */
export type Limiter = <T>(call: () => Promise<T>) => Promise<T>

export const unlimited: Limiter = (call) => call()

/** All of them, at most `width` at once, in order of the list. One that fails does not stop the others. */
export async function settleAll<T, R>(list: readonly T[], width: number, run: (member: T) => Promise<R>): Promise<readonly PromiseSettledResult<R>[]> {
  const results = new Map<number, PromiseSettledResult<R>>()
  const open = list.entries()
  const work = async (): Promise<void> => {
    // One iterator for all: each takes the next that nobody took.
    for (const [index, member] of open) results.set(index, await settled(() => run(member)))
  }
  await Promise.all(Array.from({ length: Math.max(1, Math.min(width, list.length)) }, work))
  return list.flatMap((_member, index) => results.get(index) ?? [])
}

async function settled<R>(run: () => Promise<R>): Promise<PromiseSettledResult<R>> {
  try {
    return { status: 'fulfilled', value: await run() }
  } catch (reason) {
    return { status: 'rejected', reason }
  }
}

export function fulfilled<R>(results: readonly PromiseSettledResult<R>[]): readonly R[] {
  return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
}

export function rejected(results: readonly PromiseSettledResult<unknown>[]): readonly unknown[] {
  return results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []))
}
