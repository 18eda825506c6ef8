import { expect, it } from '@jest/globals'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/**
 * The server ends the connection, something is written that has not left yet, and the connection is closed, all in one turn: what is wrong with the
 * write is told in the next one, when nobody listens to the socket any more. In a process of its own, which an error that nobody hears ends.
 */
const closing = `
import { createServer } from 'node:net'
import { connect } from '@nats-io/transport-node'
const server = createServer((socket) => {
  socket.on('error', () => undefined)
  socket.write('INFO {"server_id":"x","version":"2.10.0","proto":1,"headers":true,"max_payload":1048576}\\r\\n')
  socket.on('data', (data) => void (String(data).includes('PING') && socket.write('PONG\\r\\n')))
})
server.listen(0, '127.0.0.1', async () => {
  const connection = await connect({ servers: ['127.0.0.1:' + server.address().port], reconnect: false })
  connection.protocol.transport.socket.end()
  connection.publish('subject', 'last words')
  connection.protocol.flushPending()
  await connection.close()
  setTimeout(() => (console.log('alive'), process.exit(0)), 100)
})`

it('a connection that is closed while its server ends it does not end the process', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', closing], { cwd: import.meta.dirname })
  expect(stdout).toBe('alive\n')
})
