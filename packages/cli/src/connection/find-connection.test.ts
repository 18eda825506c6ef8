import { describe, expect, it } from '@jest/globals'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CliError } from '../exit-codes.ts'
import { findConnection, takeConnectionFlags, type ConnectionFlags } from './find-connection.ts'

const token = '/var/run/secrets/kubernetes.io/serviceaccount/token'
const everything = { KUBECONFIG: '/k/one', KUBERNETES_SERVICE_HOST: '10.0.0.1', HOME: '/home/me' }
const find = (flags: ConnectionFlags, env: Readonly<Record<string, string>>, files: readonly string[]): unknown =>
  findConnection(flags, env, (path) => files.includes(path))

describe('findConnection', () => {
  it.each([
    ['the flag', { kubeconfig: '/f', context: 'c' }, everything, ['/f', '/k/one', token, '/home/me/.kube/config'], { kubeconfig: '/f', context: 'c' }],
    ['the variable', {}, everything, ['/k/one', token, '/home/me/.kube/config'], { kubeconfig: '/k/one' }],
    ['the file of the variable that is there', {}, { KUBECONFIG: '/k/none:/k/two' }, ['/k/two'], { kubeconfig: '/k/two' }],
    ['the pod', {}, { ...everything, KUBECONFIG: '' }, [token, '/home/me/.kube/config'], { inCluster: true }],
    ['the file of the user', { context: 'c' }, { HOME: '/home/me', KUBERNETES_SERVICE_HOST: 'x' }, ['/home/me/.kube/config'], { kubeconfig: '/home/me/.kube/config', context: 'c' }],
  ])('takes %s first', (_, flags, env, files, expected) => expect(find(flags, env, files)).toEqual(expected))

  it.each([
    ['no file of the flag', { kubeconfig: '/f' }, everything],
    ['no file of the variable', {}, everything],
    ['nothing', {}, {}],
  ])('says so in one sentence: %s', (_, flags, env) => {
    expect(() => find(flags, env, [])).toThrow(expect.objectContaining({ exitCode: 3, message: expect.stringMatching(/^no cluster: [^\n]+$/) }))
  })

  it('merges several files as kubectl does', () => {
    const folder = mkdtempSync(join(tmpdir(), 'weir-cli-'))
    try {
      const file = (name: string, server: string): string => {
        const config = { 'current-context': name, clusters: [{ name: 'shared', cluster: { server, 'certificate-authority': 'ca.crt' } }, { name, cluster: { server } }] }
        writeFileSync(join(folder, name), JSON.stringify(config))
        return join(folder, name)
      }
      const source = findConnection({}, { KUBECONFIG: `${file('one', 'https://one')}:${file('two', 'https://two')}` })
      expect(JSON.parse(source.text ?? '')).toMatchObject({
        'current-context': 'one',
        clusters: [
          { name: 'shared', cluster: { server: 'https://one', 'certificate-authority': join(folder, 'ca.crt') } },
          { name: 'one' },
          { name: 'two', cluster: { server: 'https://two' } },
        ],
      })
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe('takeConnectionFlags', () => {
  it('takes its own flags and leaves the others as they are', () => {
    const argv = ['--concurrent', '4', '--kubeconfig', '/f', '--context=c=d', '--log-level=debug']
    expect(takeConnectionFlags(argv)).toEqual({ flags: { kubeconfig: '/f', context: 'c=d' }, rest: ['--concurrent', '4', '--log-level=debug'] })
  })

  it.each([[['--kubeconfig']], [['--context=']]])('refuses %j', (argv) => expect(() => takeConnectionFlags(argv)).toThrow(CliError))
})
