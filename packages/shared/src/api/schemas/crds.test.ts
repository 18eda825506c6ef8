import { describe, expect, it } from '@jest/globals'
import { z } from 'zod'
import { gitRepositoryKind, kustomizationKind } from '../kinds.ts'
import { customResourceDefinitions } from './crds.ts'
import { toStructural } from './structural.ts'
import type { Schema } from './structural.ts'

/** Every schema inside one, with its path. */
function walk(schema: Schema, path = ''): readonly (readonly [path: string, schema: Schema])[] {
  const properties = Object.entries((schema['properties'] ?? {}) as Record<string, Schema>)
  const inner = properties.flatMap(([name, value]) => walk(value, `${path}.${name}`))
  const items = schema['items'] === undefined ? [] : walk(schema['items'] as Schema, `${path}[]`)
  const values = schema['additionalProperties'] === undefined ? [] : walk(schema['additionalProperties'] as Schema, `${path}{}`)
  return [[path, schema], ...inner, ...items, ...values]
}

describe('customResourceDefinitions', () => {
  it('defines the kinds that are built', () => {
    expect(customResourceDefinitions().map((crd) => crd.spec.names.plural)).toEqual([gitRepositoryKind.plural, kustomizationKind.plural])
  })

  const schemas = customResourceDefinitions().map((crd) => {
    const [version] = crd.spec.versions
    return [crd.spec.names.kind, walk(version?.schema.openAPIV3Schema ?? {})] as const
  })

  it.each(schemas)('describes every field of %s, once', (_kind, all) => {
    const fields = all.filter(([path]) => !path.startsWith('.metadata') && path !== '' && !/(\[\]|\{\})$/.test(path))
    expect(fields.filter(([, schema]) => typeof schema['description'] !== 'string').map(([path]) => path)).toEqual([])
  })

  it.each(schemas)('is structural: %s has a type everywhere and nothing that the API server refuses', (_kind, all) => {
    const refused = ['$ref', '$schema', 'oneOf', 'anyOf', 'allOf', 'not', 'const', 'exclusiveMinimum', 'propertyNames', 'id']
    for (const [path, schema] of all) {
      expect({ path, type: schema['type'] }).toEqual({ path, type: expect.any(String) })
      expect({ path, refused: refused.filter((word) => word in schema) }).toEqual({ path, refused: [] })
    }
  })

  it('lets a Kustomization apply the definitions without replacing variables in them', () => {
    for (const crd of customResourceDefinitions()) {
      expect(crd.metadata.annotations).toEqual({ 'kustomize.toolkit.fluxcd.io/substitute': 'disabled' })
    }
  })
})

describe('toStructural', () => {
  function printed(schema: z.ZodType): Schema {
    return toStructural(z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input', reused: 'inline' }))
  }

  it.each([
    [z.object({ a: z.string() }), { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] }],
    [z.int().meta({ format: 'int64' }), { type: 'integer', format: 'int64' }],
    [z.int().min(0), { type: 'integer', minimum: 0 }],
    [z.record(z.string(), z.string()), { type: 'object', additionalProperties: { type: 'string' } }],
    [z.string().regex(/^a\/b$/), { type: 'string', pattern: '^a/b$' }],
    [z.string().meta({ format: 'date-time' }), { type: 'string', format: 'date-time' }],
    [z.string().default('60s').optional(), { type: 'string', default: '60s' }],
  ])('prints case %#', (schema, expected) => {
    expect(printed(schema)).toEqual(expected)
  })
})
