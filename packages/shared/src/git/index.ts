export { createGit } from './create-git.ts'
export type { GitErrorCode } from './git-error.ts'
export { GitError } from './git-error.ts'
export type { Checkout, Git, GitOptions, GitRef, RemoteRequest, Resolved } from './git.ts'
