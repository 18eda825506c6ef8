import type { Kind } from '@weir/shared/api'
import { createWire, type WireResponse } from '@weir/shared/http'
import { loadConfig } from '@weir/shared/kube'
import type { KubeObject } from '@weir/shared/manifest'

/** The API server as cheaply as it can be had: no retries, no cache, nothing decoded that nobody reads. */
export interface BareClient {
  create(kind: Kind, object: KubeObject): Promise<KubeObject>
  /** Forced server-side apply. */
  apply(kind: Kind, object: KubeObject, manager: string): Promise<KubeObject>
  mergePatch(kind: Kind, target: Named, patch: PatchDetails): Promise<KubeObject>
  /** The objects as they are, then every change, until the signal fires. Resolves when the server ends it, as it does with readers that fall behind. */
  watch(kind: Kind, scope: { readonly namespace: string; readonly signal: AbortSignal }, tell: (object: KubeObject, type: WatchType) => void): Promise<void>
  close(): Promise<void>
}

export interface Named {
  readonly namespace: string
  readonly name: string
}

export interface PatchDetails {
  readonly body: object
  readonly manager: string
  readonly subresource?: 'status'
}

export type WatchType = 'ADDED' | 'MODIFIED' | 'DELETED'

export interface BareClientOptions {
  /** Path of a kubeconfig file. */
  readonly kubeconfig: string
  readonly userAgent: string
  /** Calls at once; a watch takes one as well. */
  readonly connections: number
}

export async function createBareClient({ kubeconfig, userAgent, connections }: BareClientOptions): Promise<BareClient> {
  const config = await loadConfig({ kubeconfig })
  const { tls, headers } = await config.credentials()
  const wire = createWire({ tls, connections })
  const never = new AbortController().signal
  const send = (method: string, path: string, more: { readonly type?: string; readonly body?: object; readonly signal?: AbortSignal } = {}): Promise<WireResponse> =>
    wire.send({
      origin: config.server,
      path,
      method,
      headers: { ...headers, accept: 'application/json', 'user-agent': userAgent, ...(more.type !== undefined && { 'content-type': more.type }) },
      ...(more.body && { body: JSON.stringify(more.body) }),
      signal: more.signal ?? never,
    })
  const call = async (method: string, path: string, body: { readonly type: string; readonly body: object }): Promise<KubeObject> => {
    const answer = await send(method, path, body)
    const text = await textOf(answer)
    if (answer.status >= 300) throw new Error(`${method} ${path}: HTTP ${answer.status} ${text.slice(0, 500)}`)
    return JSON.parse(text) as KubeObject
  }

  return {
    create: (kind, object) => call('POST', collectionOf(kind, object.metadata.namespace), { type: 'application/json', body: object }),
    apply: (kind, object, manager) => call('PATCH', `${pathOf(kind, object.metadata)}?fieldManager=${manager}&force=true`, { type: 'application/apply-patch+yaml', body: object }),
    mergePatch: (kind, target, { body, manager, subresource }) =>
      call('PATCH', `${pathOf(kind, target)}${subresource ? `/${subresource}` : ''}?fieldManager=${manager}`, { type: 'application/merge-patch+json', body }),
    async watch(kind, { namespace, signal }, tell) {
      // No list: the server sends what there is as ADDED, and the bench never lives as long as the watch.
      const answer = await send('GET', `${collectionOf(kind, namespace)}?watch=true&timeoutSeconds=14400`, { signal })
      if (answer.status !== 200) throw new Error(`watch of ${kind.plural}: HTTP ${answer.status} ${await textOf(answer)}`)
      for await (const line of linesOf(answer.body)) {
        const event = JSON.parse(line) as { readonly type: WatchType | 'ERROR'; readonly object: KubeObject }
        if (event.type === 'ERROR') throw new Error(`watch of ${kind.plural}: ${line}`)
        tell(event.object, event.type)
      }
    },
    close: () => wire.destroy(),
  }
}

function collectionOf({ group, version, plural }: Kind, namespace: string | undefined): string {
  return `${group === '' ? '/api' : `/apis/${group}`}/${version}${namespace === undefined ? '' : `/namespaces/${namespace}`}/${plural}`
}

function pathOf(kind: Kind, { namespace, name }: { readonly namespace?: string | undefined; readonly name: string }): string {
  return `${collectionOf(kind, namespace)}/${name}`
}

async function textOf({ body }: WireResponse): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

async function* linesOf(body: AsyncIterable<Buffer>): AsyncIterable<string> {
  let kept: Buffer[] = []
  for await (const chunk of body) {
    let from = 0
    for (let at = chunk.indexOf(0x0a); at >= 0; at = chunk.indexOf(0x0a, from)) {
      yield Buffer.concat([...kept, chunk.subarray(from, at)]).toString('utf8')
      kept = []
      from = at + 1
    }
    if (from < chunk.length) kept.push(chunk.subarray(from))
  }
}
