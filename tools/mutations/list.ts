import { ofFiles } from './list/files.ts'
import { ofGit } from './list/git.ts'
import { ofKustomizations } from './list/kustomizations.ts'
import { ofLeaders } from './list/leaders.ts'
import type { Mutation } from './mutation.ts'
import { ofObjects } from './list/objects.ts'
import { ofSecrets } from './list/secrets.ts'
import { ofServers } from './list/servers.ts'

/** Every defence that docs/security.md names, and how it is taken away. */
export const mutations: readonly Mutation[] = [...ofFiles, ...ofKustomizations, ...ofGit, ...ofObjects, ...ofSecrets, ...ofServers, ...ofLeaders]
