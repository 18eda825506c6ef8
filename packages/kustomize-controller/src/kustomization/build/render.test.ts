import { describe, expect, it } from '@jest/globals'
import { KustomizeError, type KeptObject } from '@weir/shared/kustomize'
import { dumpYaml, type Fields } from '@weir/shared/manifest'
import { EncryptedError, render } from './render.ts'

const built = (object: Fields): KeptObject => ({ json: JSON.stringify(object), yaml: dumpYaml(object) })
const configMap = (data: Fields, metadata: Fields = {}): Fields => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', ...metadata }, data })
const variables = (values: Readonly<Record<string, string>>, substitutes = true) => ({ values: new Map(Object.entries(values)), secret: [], substitutes })
const rendered = (objects: readonly Fields[], values: Readonly<Record<string, string>> = {}, { substitutes = true, strict = true } = {}) =>
  render({ objects: objects.map(built), digest: 'as built' }, { variables: variables(values, substitutes), strict })
const dataOf = (data: Fields, values: Readonly<Record<string, string>>, strict = true) => rendered([configMap(data)], values, { strict }).objects[0]?.['data']

describe('render', () => {
  it.each<readonly [string, Fields, Readonly<Record<string, string>>, Fields]>([
    ['a value', { k: '${v}' }, { v: 'x' }, { k: 'x' }],
    ['a number, even where the file had quotes', { k: '${v}' }, { v: '1' }, { k: 1 }],
    ['YAML 1.1: yes is true', { k: '${v}' }, { v: 'yes' }, { k: true }],
    ['a string, by quotes of its own', { k: '${q}${v}${q}' }, { v: '1', q: '"' }, { k: '1' }],
    ['the expression itself where it is escaped', { k: '$${v}' }, { v: 'x' }, { k: '${v}' }],
    ['a dollar that stands alone', { k: 'a $ b $v' }, { v: 'x' }, { k: 'a $ b $v' }],
    ['a default', { k: '${n:-none}' }, { v: 'x' }, { k: 'none' }],
  ])('substitutes %s', (_, data, values, expected) => {
    expect(dataOf(data, values)).toEqual(expected)
  })

  it('leaves expressions where nothing is substituted, and in objects that say so', () => {
    expect(rendered([configMap({ k: '${v}' })], {}, { substitutes: false }).objects[0]?.['data']).toEqual({ k: '${v}' })
    const off = { 'kustomize.toolkit.fluxcd.io/substitute': 'disabled' }
    const { objects } = rendered([configMap({ k: '${v}' }, { labels: off }), configMap({ k: '${v}' }, { annotations: off }), configMap({ k: '${v}' }, { labels: { 'kustomize.toolkit.fluxcd.io/substitute': 'Disabled' } })], { v: 'x' })
    expect(objects.map(({ data }) => (data as { k: string }).k)).toEqual(['${v}', '${v}', 'x'])
  })

  it.each([
    ['an unset variable', { k: '${v}' }, {}, 'post build failed for ConfigMap/a: variable not set (strict mode): "v"'],
    ['what does not parse', { k: '${v' }, { v: 'x' }, /^post build failed for ConfigMap\/a: /],
    ['what makes no YAML, without repeating it', { k: '${v}' }, { v: '}: [ s3cret' }, 'post build failed for ConfigMap/a: the result of the substitution is not valid YAML'],
  ])('refuses %s', (_, data, values, message) => {
    const run = () => dataOf(data, values as Readonly<Record<string, string>>)
    expect(run).toThrow(KustomizeError)
    expect(run).toThrow(message)
  })

  it('takes an unset variable for empty where it is not strict', () => {
    expect(dataOf({ k: 'a${v}' }, { w: '' }, false)).toEqual({ k: 'a' })
  })

  it('refuses what substitution leaves without a name', () => {
    expect(() => rendered([configMap({}, { name: '${v}' })], { v: '' })).toThrow(KustomizeError)
  })

  it('refuses a Secret that is still encrypted, and no other object with such a field', () => {
    const encrypted = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's', namespace: 'n' }, sops: { mac: 'x' } }
    expect(() => rendered([encrypted])).toThrow(EncryptedError)
    expect(() => rendered([encrypted])).toThrow('Secret/n/s is SOPS encrypted, configuring decryption is required for this secret to be reconciled')
    expect(rendered([{ ...configMap({}), sops: {} }]).objects).toHaveLength(1)
  })

  it('leaves out kustomization files', () => {
    expect(rendered([{ apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization', metadata: { name: 'x' } }, configMap({})]).objects.map(({ kind }) => kind)).toEqual(['ConfigMap'])
  })

  it('gives equal objects an equal digest, and others another', () => {
    const digest = (value: string) => rendered([configMap({ k: '${v}' })], { v: value }).digest
    expect(digest('x')).toBe(digest('x'))
    expect(digest('x')).not.toBe(digest('y'))
    expect(digest('x')).toMatch(/^sha256:[0-9a-f]{64}$/)
    expect(rendered([]).digest).toMatch(/^sha256:/)
  })
})
