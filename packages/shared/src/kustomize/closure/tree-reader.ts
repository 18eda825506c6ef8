/** What a scan sees of a tree. Paths are relative to its root, which is `''`. */
export interface TreeReader {
  isFile(path: string): boolean
  isDirectory(path: string): boolean
  /** Names in a directory, in byte order. */
  list(directory: string): readonly string[]
  /** `sha256:hex`; undefined for what is no file. */
  digest(path: string): string | undefined
  text(path: string): Promise<string>
}
