import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import ssh2, { type Connection, type ServerChannel } from 'ssh2'
import type { GitListener, GitRequest } from './git-http.ts'
import { gitCommand } from './git-repository.ts'

const { Server, utils } = ssh2

interface SshSetup {
  readonly passphrase?: string
  readonly onPush?: (repository: string) => void | Promise<void>
}

/** One key in a few hundred comes out of ssh2 malformed (4 of 1,000 were): such a one is thrown away. */
function generateKeys(passphrase?: string): { readonly private: string; readonly public: string } {
  for (;;) {
    const keys = passphrase === undefined ? utils.generateKeyPairSync('ed25519') : utils.generateKeyPairSync('ed25519', { cipher: 'aes256-ctr', passphrase, rounds: 16 })
    if (!(utils.parseKey(keys.private, passphrase) instanceof Error)) return keys
  }
}

/** Serves the bare repositories below `root` over ssh, for one client key that it makes and, as Git hosts do, for the user `git` alone. */
export async function startGitSsh(root: string, setup: SshSetup): Promise<GitListener> {
  const host = generateKeys()
  const client = generateKeys(setup.passphrase)
  const seen: GitRequest[] = []
  const children = new Set<ChildProcess>()
  const connections = new Set<Connection>()
  const state: { how: 'stall' | 'cut' | 'none' } = { how: 'none' }
  const allowed = client.public.split(' ')[1]

  const server = new Server({ hostKeys: [host.private] }, (connection) => {
    connections.add(connection)
    connection.on('close', () => connections.delete(connection))
    connection.on('error', () => undefined)
    connection.on('authentication', (context) => {
      if (context.username === 'git' && context.method === 'publickey' && context.key.data.toString('base64') === allowed) context.accept()
      else context.reject(['publickey'])
    })
    connection.on('session', (acceptSession) => {
      const session = acceptSession()
      session.on('env', (accept) => accept?.())
      session.on('exec', (accept, reject, { command }) => {
        const match = /^git-(upload|receive)-pack '\/([^']+)'$/.exec(command)
        seen.push({ method: 'EXEC', path: command, authorization: undefined })
        if (match === null) return reject()
        const channel = accept()
        if (state.how === 'stall') return
        const child = runPack(channel, match[1] ?? '', join(root, match[2] ?? ''))
        children.add(child)
        child.once('close', () => {
          children.delete(child)
          if (match[1] === 'receive') void setup.onPush?.((match[2] ?? '').replace(/\.git$/, ''))
        })
      })
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `ssh://git@127.0.0.1:${port}`,
    secret: {
      identity: Buffer.from(client.private).toString('base64'),
      known_hosts: Buffer.from(`[127.0.0.1]:${port} ${host.public}`).toString('base64'),
      ...(setup.passphrase === undefined ? {} : { password: Buffer.from(setup.passphrase).toString('base64') }),
    },
    requests: () => seen,
    misbehave: (how) => void (state.how = how),
    async close() {
      const ended = [...children].map((child) => once(child, 'close'))
      for (const child of children) child.kill('SIGKILL')
      for (const connection of connections) connection.end()
      await Promise.all([...ended, new Promise<void>((resolve) => void server.close(() => resolve()))])
    },
  }
}

function runPack(channel: ServerChannel, direction: string, dir: string): ChildProcess {
  const child = spawn(...gitCommand([`${direction}-pack`, dir]), { stdio: ['pipe', 'pipe', 'pipe'] })
  channel.pipe(child.stdin)
  child.stdin.on('error', () => undefined)
  child.stdout.pipe(channel, { end: false })
  child.stderr.pipe(channel.stderr, { end: false })
  child.once('close', (code) => {
    channel.exit(code ?? 1)
    channel.end()
  })
  channel.once('close', () => child.kill('SIGKILL'))
  return child
}
