import { describe, expect, it } from '@jest/globals'
import { mergeKubeconfigs } from './merge-kubeconfigs.ts'

describe('mergeKubeconfigs', () => {
  it('makes the files that a user names absolute, relative to the file that names them', () => {
    const users = [
      { name: 'a', user: { 'client-certificate': 'pki/a.crt', 'client-key': '/abs/a.key', tokenFile: 'token', token: 'pki/no-file' } },
      { name: 'b', user: { exec: { command: './login', args: ['x/y'] } } },
      { name: 'c', user: { exec: { command: 'aws' } } },
    ]
    expect(mergeKubeconfigs([{ folder: '/home/me/.kube', document: { users } }])).toMatchObject({
      users: [
        { user: { 'client-certificate': '/home/me/.kube/pki/a.crt', 'client-key': '/abs/a.key', tokenFile: '/home/me/.kube/token', token: 'pki/no-file' } },
        { user: { exec: { command: '/home/me/.kube/login', args: ['x/y'] } } },
        { user: { exec: { command: 'aws' } } },
      ],
    })
  })

  it.each([[undefined], [null], ['text'], [{ clusters: 'x', users: [null, 3] }]])('takes nothing from a file that holds %j', (document) => {
    expect(mergeKubeconfigs([{ folder: '/', document }])).toEqual({ apiVersion: 'v1', kind: 'Config', clusters: [], contexts: [], users: [] })
  })
})
