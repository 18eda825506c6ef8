import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { callInProcess } from '@weir/shared/testing'
import { createRedactor } from './redact.ts'

const { redact } = createRedactor()

describe('redaction by shape', () => {
  it.each([
    ['user and password in a URL', 'clone https://me:pa55@git.example/a.git failed', 'clone https://***@git.example/a.git failed'],
    ['a token as the user of a URL', 'https://ghp_abc123@github.com/a', 'https://***@github.com/a'],
    ['an at sign in a URL password', 'https://u:p@ss@h/x', 'https://***@h/x'],
    ['an Authorization header', 'Authorization: Bearer abc.def', 'Authorization: ***'],
    ['an Authorization header with an unknown scheme', 'authorization=xyz', 'authorization=***'],
    ['a JSON Authorization header', '{"Authorization":"Basic dTpw"}', '{"Authorization":"***"}'],
    ['a proxy login', 'Proxy-Authorization: Basic dTpw', 'Proxy-Authorization: ***'],
    ['a bearer token in text', 'sent bearer eyJhbGciOi.J9.x1', 'sent bearer ***'],
    ['basic credentials in text', 'Basic dXNlcjpwYXNz', 'Basic ***'],
    ['a token in a query', 'GET /x?ref=a&access_token=abc&y=1', 'GET /x?ref=a&access_token=***&y=1'],
    ['a signed URL', 'https://s3/x?X-Amz-Signature=deadbeef&X-Amz-Date=1', 'https://s3/x?X-Amz-Signature=***&X-Amz-Date=1'],
    ['a password pair', 'password=hunter2, next', 'password=***, next'],
    ['a password in YAML', 'password: hunter2', 'password: ***'],
    ['a password in JSON', '{"password":"hunter 2","a":1}', '{"password":***,"a":1}'],
    ['a password with a doubled quote, as YAML and SQL have it', "password: 'it''s secret', next", 'password: ***, next'],
    ['what stands directly behind a quoted password', 'password: ""https://x', 'password: ***'],
    ['a password in JSON inside JSON', '"{\\"password\\":\\"hunter2\\"}"', '"{\\"password\\":***}"'],
    ['a client secret', 'client_secret=abc', 'client_secret=***'],
    ['a cookie', 'Set-Cookie: sid=1; Path=/', 'Set-Cookie: ***'],
  ])('masks %s', (_name, text, expected) => {
    expect(redact(text)).toBe(expected)
  })

  it('masks a private key, whole or cut', () => {
    const pem = '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk-tdjE\nAAAA\n-----END OPENSSH PRIVATE KEY-----'
    expect(redact(`key ${pem} end`)).toBe('key *** end')
    expect(redact(JSON.stringify({ pem }))).toBe('{"pem":"***"}')
    expect(redact(`key ${pem.slice(0, 50)}`)).toBe('key ***')
  })

  it.each([
    'stored artifact for commit \'fix: basic authentication for bearer tokens\'',
    'ssh://git@github.com/a/b',
    'main@sha1:1eabc9a41ca088515cab83f1cce49eb43e84b67f',
    'reconcile token 2026-01-01T00:00:00Z',
    'Secret/default/api created',
  ])('leaves ordinary text alone: %s', (text) => {
    expect(redact(text)).toBe(text)
  })

  it('changes nothing when it runs again', () => {
    const word = fc.constantFrom('https://', 'u:p@', 'h/', '?token=', 'password: ', 'Bearer ', 'aB3', ' ', '"', "'", '}', '\\', '-----BEGIN PRIVATE KEY-----', '&')
    fc.assert(fc.property(fc.array(word, { maxLength: 20 }), (words) => {
      const once = redact(words.join(''))
      expect(redact(once)).toBe(once)
    }))
  })

  it.each(['://', 'password=', '?token=', 'Basic a', '-----BEGIN PRIVATE KEY-----', 'authorization:', 'a-', 'cookie:a;'])('ends on a flood of %s', async (part) => {
    // Large enough that time in the square of it would be hours.
    expect(await callInProcess(new URL('./redact.ts', import.meta.url), 'redact', part.repeat(200_000))).toHaveProperty('value')
  })

  it.each(['password=', '-----BEGIN PRIVATE KEY-----'])('masks the whole of a flood of %s that is too large for the patterns', (part) => {
    expect(redact(part.repeat(1_000_000))).toBe('***')
  })
})

describe('redaction by value', () => {
  it('masks a registered value in every form that it takes', () => {
    const secret = 'p"a+ss/w ord?1'
    const { add, redact: mask } = createRedactor()
    add(`${secret}\n`)
    for (const form of [secret, encodeURIComponent(secret), JSON.stringify(secret), Buffer.from(secret).toString('base64'), Buffer.from(`${secret}\n`).toString('base64')]) {
      const masked = mask(`before ${form} after`)
      expect(masked).toMatch(/^before .{0,2}\*\*\*=*.{0,2} after$/)
    }
  })

  it('masks each long line of a secret', () => {
    const { add, redact: mask } = createRedactor()
    add('first-line-of-a-secret\nsecond-line-of-a-secret\nshort')
    expect(mask('x second-line-of-a-secret short')).toBe('x *** short')
  })

  it('ignores values that are too short', () => {
    const { add, redact: mask } = createRedactor()
    add('admin')
    add('   a   ')
    expect(mask('the admin is here')).toBe('the admin is here')
  })

  it('masks the longest of overlapping values', () => {
    const { add, redact: mask } = createRedactor()
    add('secret')
    add('secret-and-more')
    expect(mask('<secret-and-more> <secret>')).toBe('<***> <***>')
  })

  it('forgets the values not registered for longest, and keeps forms that two secrets share', () => {
    const { add, redact: mask } = createRedactor({ values: 2 })
    add('aaaaaaaa1')
    add('aaaaaaaa1\n')
    add('bbbbbbbb2') // the first goes; the second still has its form
    expect(mask('aaaaaaaa1 bbbbbbbb2')).toBe('*** ***')
    add('cccccccc3')
    expect(mask('aaaaaaaa1 bbbbbbbb2 cccccccc3')).toBe('aaaaaaaa1 *** ***')
    add('bbbbbbbb2')
    add('dddddddd4')
    expect(mask('bbbbbbbb2 cccccccc3 dddddddd4')).toBe('*** cccccccc3 ***')
  })

  it('never lets a registered value through', () => {
    const secret = fc.string({ minLength: 8, maxLength: 20 }).filter((text) => text.trim().length >= 8 && !text.includes('*'))
    fc.assert(fc.property(fc.array(secret, { minLength: 1, maxLength: 5 }), fc.string(), (secrets, text) => {
      const { add, redact: mask } = createRedactor()
      secrets.forEach(add)
      const masked = mask(secrets.map((one) => one.trim()).join(text))
      for (const one of secrets) expect(masked.includes(one.trim())).toBe(false)
    }))
  })
})
