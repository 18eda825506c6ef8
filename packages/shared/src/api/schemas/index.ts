export type { CustomResourceDefinition } from './crds.ts'
export { customResourceDefinitions } from './crds.ts'
export type { Decoded } from './decode.ts'
export { decodeGitRepository, decodeKustomization } from './decode.ts'
