/** Of one frame in either direction; the service has the same bound. */
export const maxFrameBytes = 64 * 1024 * 1024

/** A frame: its length in 4 bytes, big endian, then JSON. */
export function encodeFrame(value: unknown): Buffer {
  const body = JSON.stringify(value)
  const length = Buffer.byteLength(body)
  const frame = Buffer.allocUnsafe(4 + length)
  frame.writeUInt32BE(length, 0)
  frame.write(body, 4)
  return frame
}

export interface FrameReader {
  /** Takes the next bytes and returns the frames that they complete. `too-large` once, when a frame claims more than the bound. */
  push(chunk: Buffer): readonly Buffer[] | 'too-large'
}

/** Cuts a stream of bytes into frames. */
export function createFrameReader(maxBytes: number = maxFrameBytes): FrameReader {
  let chunks: Buffer[] = []
  let size = 0
  const take = (length: number): Buffer => {
    const joined = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)
    chunks = joined.length === length ? [] : [joined.subarray(length)]
    size -= length
    return joined.subarray(0, length)
  }
  let wanted: number | undefined
  return {
    push(chunk) {
      chunks.push(chunk)
      size += chunk.length
      const frames: Buffer[] = []
      for (;;) {
        if (wanted === undefined && size >= 4) wanted = take(4).readUInt32BE(0)
        if (wanted !== undefined && wanted > maxBytes) return 'too-large'
        if (wanted === undefined || size < wanted) return frames
        frames.push(take(wanted))
        wanted = undefined
      }
    },
  }
}
