export interface InstallOptions {
  /** Path of a kubeconfig file. */
  readonly kubeconfig: string
  readonly signal?: AbortSignal | undefined
}

/** Applies objects (namespaces and definitions first) and waits until every CustomResourceDefinition is established. */
export async function installObjects(objects: readonly object[], options: InstallOptions): Promise<void> {
  throw new Error(`${options.kubeconfig} ${objects.length}: not built yet`)
}
