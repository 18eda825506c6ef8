/** setTimeout counts in a signed 32-bit integer: longer waits would fire at once. */
const longestMs = 2_147_483_647

/** Calls `run` once after `ms`, however long that is; returns the way to stop it. */
export function after(ms: number, run: () => void): () => void {
  let handle: NodeJS.Timeout
  const arm = (leftMs: number): void => {
    const partMs = Math.min(leftMs, longestMs)
    handle = setTimeout(() => (leftMs > partMs ? arm(leftMs - partMs) : run()), partMs)
  }
  arm(ms)
  return () => clearTimeout(handle)
}
