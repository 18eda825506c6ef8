import { describe, expect, it } from '@jest/globals'
import { classify } from './classify.ts'

describe('a connection that failed says who did not take it, and why', () => {
  it.each([
    ["fatal: unable to access 'http://127.0.0.1:9/x.git/': Failed to connect to 127.0.0.1 port 9 after 0 ms: Connection refused", '127.0.0.1 port 9: connection refused'],
    ["fatal: unable to access 'http://127.0.0.1:9/x.git/': Failed to connect to 127.0.0.1 port 9 after 0 ms: Couldn't connect to server", '127.0.0.1 port 9: it takes no connection'],
    ["fatal: unable to access 'https://git.example/x/': Failed to connect to proxy.example port 3128 after 75012 ms: Connection timed out", 'proxy.example port 3128: no answer in time'],
    ['ssh: connect to host git.example port 22: Connection refused\nfatal: Could not read from remote repository.', 'git.example port 22: connection refused'],
    ['ssh: connect to host git.example port 22: No route to host', 'git.example port 22: no route to it'],
    ["fatal: unable to access 'http://h/x.git/': Recv failure: Connection reset by peer", 'the connection was reset'],
    ['error: RPC failed; curl 18 transfer closed\nfatal: early EOF', 'the answer ended early'],
  ])('%s', (stderr, how) => {
    expect(classify('list refs of https://git.example/x', stderr)).toMatchObject({ code: 'unreachable', message: `list refs of https://git.example/x: the connection failed: ${how}` })
  })

  it('adds nothing where nothing is known', () => {
    expect(classify('fetch', "fatal: unable to access 'http://h/x.git/': something else").message).toBe('fetch: the connection failed')
  })
})

describe('what others name decides nothing', () => {
  it.each([
    ["fatal: unable to access 'https://git.example/tls-certs.git/': The requested URL returned error: 503", 'unreachable'],
    ["fatal: unable to access 'https://git.example/tls-certs.git/': Failed to connect to git.example port 443 after 1 ms: Couldn't connect to server", 'unreachable'],
    ["fatal: unable to access 'https://git.example/x.git/': Failed to connect to tls.example port 443 after 1 ms: Couldn't connect to server", 'unreachable'],
    ["fatal: unable to access 'https://tls.example/x/': Could not resolve host: tls.example", 'unreachable'],
    ['ssh: Could not resolve hostname ssl-gateway: Name or service not known', 'unreachable'],
    ['ssh: connect to host tls.example port 22: Connection refused', 'unreachable'],
    ['error: https://git.example/tls-certs.git did not send all necessary objects', 'failed'],
    ["error: https://git.example/it's-certificates did not send all necessary objects", 'failed'],
    ["fatal: could not open '/srv/tls/cache/git/mirrors/a/objects/pack/a.pack' for reading", 'failed'],
    ["fatal: unable to access 'https://git.example/does-not-exist.git/': SSL certificate problem: unable to get local issuer certificate", 'tls'],
    ["fatal: repository 'https://git.example/tls-certs.git/' not found", 'not-found'],
    ["fatal: unable to access 'https://git.example/tls.git/': The requested URL returned error: 403", 'auth-failed'],
  ])('%s', (stderr, code) => {
    expect(classify('fetch', stderr).code).toBe(code)
  })

  it('keeps what git itself says of a certificate', () => {
    const stderr = "fatal: unable to access 'https://git.example/x.git/': SSL certificate problem: certificate has expired"
    expect(classify('fetch', stderr).message).toBe('fetch: the TLS connection failed: SSL certificate problem: certificate has expired')
  })

  it('reads a flood in a moment, and the end of it', () => {
    const flood = `${'remote: repository '.repeat(60_000)}\n${'connect to host '.repeat(10_000)}\nfatal: early EOF\n`
    expect(classify('fetch', flood)).toMatchObject({ code: 'unreachable' })
    expect(classify('fetch', `${'a'.repeat(1 << 20)}\nfatal: odd`)).toMatchObject({ code: 'failed', message: 'fetch: odd' })
  })
})
