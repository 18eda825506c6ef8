/** What an unpacked directory holds. Paths are relative, `/`-separated, without a leading `./`. */
export interface TreeManifest {
  /** Path of each regular file to the digest of its content, `sha256:hex`. */
  readonly files: ReadonlyMap<string, string>
  /** Every directory; the root is `''`. */
  readonly directories: ReadonlySet<string>
}

/** A tree as it came out of an archive. */
export interface ExtractedTree extends TreeManifest {
  /** Sum of all file contents. */
  readonly sizeBytes: number
}

/** An unpacked, verified artifact: shared and read-only. */
export interface Tree {
  /** Digest of the archive it came from, `sha256:hex`. */
  readonly digest: string
  readonly manifest: TreeManifest
  /** Reads one file of the manifest. FilesError `not-found` for any other path. */
  read(path: string): Promise<Buffer>
  /** Unpins it. Safe to call twice; the tree must not be used afterwards. */
  release(): void
}
