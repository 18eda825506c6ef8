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
