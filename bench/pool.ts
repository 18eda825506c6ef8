/** Runs `work` for each value, at most `width` at once, in order; the first failure ends it. */
export async function forEach<T>(values: readonly T[], width: number, work: (value: T) => Promise<void>): Promise<void> {
  const left = values[Symbol.iterator]()
  const worker = async (): Promise<void> => {
    for (const value of left) await work(value)
  }
  await Promise.all(Array.from({ length: Math.min(width, values.length) }, worker))
}
