import type { Git, GitOptions } from './git.ts'

export async function createGit(options: GitOptions): Promise<Git> {
  throw new Error(`git in ${options.cacheDir}: not built yet`)
}
