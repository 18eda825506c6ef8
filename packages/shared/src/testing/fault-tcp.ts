import { connect, createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { pipeline } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { createBodyFault } from './fault-body.ts'
import type { Fault, FaultPlan } from './fault-rules.ts'

/** Faults on connections whose protocol is not looked into. Rules see method `CONNECT` and path `/`. */
export function createTcpFaultServer(target: URL, plan: FaultPlan): Server {
  return createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined)
    void carry(socket, target, plan.choose('CONNECT', '/'))
  })
}

async function carry(socket: Socket, target: URL, fault: Fault | undefined): Promise<void> {
  const over = new AbortController()
  socket.on('close', () => over.abort())
  if (fault?.kind === 'reset' && fault.at === 'request') return void socket.resetAndDestroy()
  if (fault?.kind === 'stall') await sleep(fault.ms, undefined, { signal: over.signal }).catch(() => undefined)
  if (over.signal.aborted) return
  const upstream = connect({ host: target.hostname, port: Number(target.port), allowHalfOpen: true })
  const reset = (): void => {
    socket.resetAndDestroy()
    upstream.destroy()
  }
  over.signal.addEventListener('abort', () => upstream.destroy())
  upstream.on('error', reset)
  if (fault?.kind === 'reset') upstream.once('data', reset)
  pipeline(socket, upstream, () => undefined)
  pipeline(upstream, createBodyFault({ fault, reset, end: () => void socket.destroy(), over: over.signal }), socket, () => undefined)
}
