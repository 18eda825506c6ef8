export type { Cache, CacheEvent, CacheOptions } from './cache.ts'
export { createCache } from './cache.ts'
export type { ConfigSource, Credentials, KubeConfig } from './connection/config.ts'
export { loadConfig } from './connection/config.ts'
export type { Discovery, KindName } from './discovery/discovery.ts'
export type {
  ApplyOptions,
  CallOptions,
  DeleteOptions,
  GetOptions,
  Kube,
  KubeLimits,
  KubeOptions,
  KubeView,
  ListAnswer,
  ListOptions,
  PatchOptions,
  WriteOptions,
} from './kube.ts'
export { createKube } from './kube.ts'
export type { KubeErrorCode, KubeErrorDetail, StatusCause } from './kube-error.ts'
export { KubeError } from './kube-error.ts'
export type { KubeObject, Resource, Target } from './objects.ts'
export { compareResourceVersions } from './resource-version.ts'
export type { WatchSink, WatchSpec } from './watch/reflection.ts'
export type { Reference, References, ReferencesOptions } from './references.ts'
export { watchReferences } from './references.ts'
export type { WatchHandle } from './watch/watch.ts'
