import type { Mutation, Removal } from '../mutation.ts'

const shared = 'packages/shared/src'
const serve = (search: string, replace: string): Removal => ({ file: `${shared}/http/serve.ts`, search, replace })
const serveTest = { file: `${shared}/http/serve.test.ts` }

/** What anybody who reaches a port of ours can send. */
export const ofServers: readonly Mutation[] = [
  { name: 'http-header-size', removes: [serve('maxHeaderSize: limits.maxHeaderBytes,', '')], test: { ...serveTest, title: 'refuses too much header, and what is no HTTP' } },
  {
    name: 'http-request-size',
    removes: [serve("if (Number(request.headers['content-length'] ?? 0) > maxBodyBytes) throw", 'if (false) throw'), serve('{ maxBytes: maxBodyBytes, what:', '{ maxBytes: Infinity, what:')],
    test: { ...serveTest, title: 'refuses a body that is too large, told in advance or not' },
  },
  {
    name: 'http-slow-sender',
    removes: [serve('headersTimeout: limits.headersTimeoutMs,', 'headersTimeout: 0,'), serve('requestTimeout: limits.requestTimeoutMs,', 'requestTimeout: 0,')],
    test: { ...serveTest, title: 'cuts who sends headers or a body too slowly' },
  },
  { name: 'http-idle-reader', removes: [serve('server.setTimeout(limits.idleTimeoutMs)', '')], test: { ...serveTest, title: 'cuts who does not read' } },
  {
    name: 'http-many-connections',
    removes: [serve('server.maxConnections = limits.maxConnections', '')],
    test: { ...serveTest, title: 'turns away who comes when it has as many connections as it may' },
  },
]
