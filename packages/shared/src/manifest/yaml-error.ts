/** Text that is no YAML, or more YAML than is allowed. The message holds no file name and no content beyond a key. */
export class YamlError extends Error {
  override readonly name = 'YamlError'
  /** From 1; absent where the parser does not know. */
  readonly line: number | undefined

  constructor(message: string, line?: number, cause?: unknown) {
    super(line === undefined ? message : `line ${line}: ${message}`, cause === undefined ? undefined : { cause })
    this.line = line
  }
}
