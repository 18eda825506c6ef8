import { execFile } from 'node:child_process'
import { fluxPrograms } from './programs.ts'

export interface FluxCommand {
  /** Path of the kubeconfig file, given as `KUBECONFIG`. */
  readonly kubeconfig: string
  readonly cwd?: string
  readonly signal?: AbortSignal
}

export interface FluxAnswer {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const timeoutMs = 300_000

/**
 * Runs `flux ARGS…`, 2.9.5, to its end; a code other than 0 is an answer, not an error. Rejects when it cannot be started, is aborted, or
 * does not end within five minutes. `install` and `bootstrap` have nothing to install here.
 */
export async function runFlux(args: readonly string[], { kubeconfig, cwd, signal }: FluxCommand): Promise<FluxAnswer> {
  const { cli } = await fluxPrograms()
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], KUBECONFIG: kubeconfig }
  return new Promise((resolve, reject) => {
    const options = { env, timeout: timeoutMs, maxBuffer: 64 * 1024 * 1024, ...(cwd !== undefined && { cwd }), ...(signal !== undefined && { signal }) }
    execFile(cli, args, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code
      if (typeof code === 'number') resolve({ code, stdout, stderr })
      else reject(new Error(`flux ${args.join(' ')}: ${error?.killed === true ? `killed after ${timeoutMs / 1000} s` : (error?.message ?? '')}\n${stderr}`))
    })
  })
}
