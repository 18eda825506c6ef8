import { spawnSync } from 'node:child_process'
import { describe, expect, it } from '@jest/globals'
import { redactor } from './redact.ts'
import { createTelemetry } from './telemetry.ts'
import type { TelemetryOptions } from './telemetry.ts'

function capture(options: Partial<TelemetryOptions> = {}) {
  const lines: string[] = []
  const telemetry = createTelemetry({ controller: 'source-controller', processMetrics: false, write: (line) => void lines.push(line), ...options })
  return { telemetry, lines, last: () => JSON.parse(lines.at(-1) ?? '{}') as Record<string, unknown> }
}

describe('log', () => {
  it('writes one Flux-shaped line', () => {
    const { telemetry, lines, last } = capture()
    telemetry.log.with({ controllerKind: 'GitRepository', name: 'podinfo', namespace: 'default' }).info('artifact stored', { sizeBytes: 3 })
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/^\{"level":"info","ts":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",.*\}\n$/)
    expect(last()).toMatchObject({ logger: 'source-controller', msg: 'artifact stored', controllerKind: 'GitRepository', name: 'podinfo', namespace: 'default', sizeBytes: 3 })
  })

  it('changes the level of every log that exists', () => {
    const { telemetry, lines } = capture()
    const child = telemetry.named('kustomize-controller').log.with({ name: 'a' })
    child.debug('looked')
    telemetry.setLevel('debug')
    child.debug('looked')
    telemetry.setLevel('error')
    child.warn('odd')
    expect(lines).toHaveLength(1)
    expect(telemetry.level()).toBe('error')
  })

  it('redacts messages, fields, nested values and names', () => {
    redactor.add('canary-value-1')
    const { telemetry, lines } = capture()
    telemetry.log.error('failed at https://u:p@h/', {
      url: new URL('https://u:p@h/x'),
      nested: { list: ['canary-value-1'], 'canary-value-1': 1, password: 'x' },
      map: new Map([['k', 'canary-value-1']]),
      error: new Error('outer', { cause: new Error('canary-value-1') }),
      bytes: Buffer.from('canary-value-1'),
      bearerToken: 'abc',
    })
    expect(lines[0]).not.toMatch(/canary|u:p@|"x"|"abc"/)
  })

  it('says the message, the causes and the code of an error, and the stack of one without a code', () => {
    const { telemetry, last } = capture()
    telemetry.log.error('failed', { error: Object.assign(new Error('no login', { cause: new Error('HTTP 401') }), { code: 'denied' }) })
    expect(last()).toMatchObject({ error: 'no login: HTTP 401', errorCode: 'denied' })
    expect(last()).not.toHaveProperty('stacktrace')
    telemetry.log.error('failed', { error: new TypeError('bug') })
    expect(last()).toMatchObject({ error: 'bug', stacktrace: expect.stringContaining('TypeError') })
  })

  it('survives what cannot be serialised', () => {
    const { telemetry, last } = capture()
    const circle: Record<string, unknown> = {}
    circle.self = circle
    telemetry.log.info('odd', { circle, big: 1n, nan: Number.NaN, fn: () => 1, gone: undefined, nothing: null, date: new Date(Number.NaN), msg: 'mine', level: 'mine' })
    expect(last()).toMatchObject({ level: 'info', msg: 'odd', big: '1', nan: 'NaN', fn: '[function]', nothing: null, date: 'Invalid Date', msg_: 'mine', level_: 'mine' })
  })

  it('bounds long texts and lists', () => {
    const { telemetry, lines } = capture()
    telemetry.log.info('long', { text: 'x'.repeat(1e6), list: Array.from({ length: 1e5 }, () => 1) })
    expect(lines[0]?.length).toBeLessThan(20_000)
  })

  it('writes lines for people, one line each', () => {
    const { telemetry, lines } = capture({ encoding: 'console' })
    telemetry.log.warn('first\nERROR\tfake', { name: 'a' })
    telemetry.log.info('plain')
    expect(lines[0]).toMatch(/^\S+Z\tWARN\tsource-controller\tfirst ERROR fake\t\{"name":"a"\}\n$/)
    expect(lines[1]).toMatch(/\tplain\n$/)
  })

  it.each([
    ['it exits', `log.info('last words'); process.exit(3)`],
    ['it throws', `log.info('last words'); throw new Error('nobody catches this')`],
    ['it is killed after an error', `log.error('last words'); process.kill(process.pid, 'SIGKILL')`],
  ])('holds what a process said last before %s', (_end, last) => {
    const script = `
      import { createTelemetry } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)}
      const { log } = createTelemetry({ controller: 'a', processMetrics: false })
      log.info('first words')
      ${last}`
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
    expect(stdout.match(/"msg":"[a-z ]*"/g)).toEqual(['"msg":"first words"', '"msg":"last words"'])
  })
})
