import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { View } from './engine.ts'
import { EngineError } from './engine-error.ts'

/**
 * A custom OpenAPI schema takes the place of the built-in one in the CLI, while Flux and our service let it add to it.
 * Here a first root forces the built-in schema to load, before the real one sets its own: a local object, which is
 * dropped from the output, and a patch on it. Returns the directory to build instead.
 */
export async function wrapForSchema(directory: string, view: View): Promise<string> {
  refuseHoisted(view)
  const preload = path.join(directory, 'preload')
  const wrapper = path.join(directory, 'wrapper')
  await mkdir(preload, { mode: 0o700 })
  await mkdir(wrapper, { mode: 0o700 })
  await write(preload, 'object.yaml', { ...localDeployment, spec: { template: { spec: { containers: [{ name: 'a', image: 'a' }] } } } })
  await write(preload, 'patch.yaml', { ...localDeployment, spec: { template: { spec: { containers: [{ name: 'b', image: 'b' }] } } } })
  await write(preload, 'kustomization.yaml', { resources: ['object.yaml'], patches: [{ path: 'patch.yaml' }] })
  await write(wrapper, 'kustomization.yaml', { resources: ['../preload', path.posix.join('../view', view.path)] })
  return wrapper
}

const localDeployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'weir-preload', namespace: 'weir-preload', annotations: { 'config.kubernetes.io/local-config': 'true' } },
}

async function write(directory: string, name: string, content: unknown): Promise<void> {
  await writeFile(path.join(directory, name), JSON.stringify(content), { mode: 0o600 })
}

const kustomizationNames = ['kustomization.yaml', 'kustomization.yml', 'Kustomization']

/** Only the topmost root's order and origins count, and that is the wrapper: better refused than wrong. */
function refuseHoisted(view: View): void {
  const file = kustomizationNames.map((name) => path.posix.join(view.path, name)).find((name) => view.files.has(name))
  const content = file === undefined ? undefined : view.files.get(file)
  if (content === undefined) return
  if (!/\b(?:sortOptions|buildMetadata)\b/.test(Buffer.from(content).toString('utf8'))) return
  throw new EngineError('unavailable', 'a custom openapi schema with sortOptions or buildMetadata needs the kustomize service', { file })
}
