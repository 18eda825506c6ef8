/**
 * - `no-go`: Go is needed to build the parts and is missing or too old
 * - `no-modules`: the Go modules that pin the parts are not here (outside a checkout)
 * - `build`: Go could not build a part
 * - `assets`: ready binaries were named and some are missing
 * - `in-use`: another process runs from this folder or port
 * - `start`: a part ended, or was not ready in time
 * - `unsupported`: an existing cluster cannot do this
 * - `install`: the API server refused an object, or a definition was not established in time
 * - `aborted`: the caller's signal
 */
export type ControlPlaneErrorCode = 'no-go' | 'no-modules' | 'build' | 'assets' | 'in-use' | 'start' | 'unsupported' | 'install' | 'aborted'

/** A control plane that could not be built, started or used. The message is one sentence that a person can act on. */
export class ControlPlaneError extends Error {
  override readonly name = 'ControlPlaneError'
  readonly code: ControlPlaneErrorCode

  constructor(code: ControlPlaneErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
