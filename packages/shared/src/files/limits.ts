/** Bounds of an unpacked tree, counted after decompression. */
export interface TreeLimits {
  /** Sum of all file contents. */
  readonly maxBytes: number
  /** Files and directories together, skipped entries included. */
  readonly maxEntries: number
  /** Parts of a path. */
  readonly maxDepth: number
}

/** Far beyond any fleet repository, far below what fills a node's disk. */
export const defaultTreeLimits: TreeLimits = { maxBytes: 1 << 30, maxEntries: 200_000, maxDepth: 64 }
