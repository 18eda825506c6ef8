import { z } from 'zod'
import { gitRepositoryKind, kustomizationKind } from '../kinds.ts'
import type { Kind } from '../kinds.ts'
import { annotations, labels } from '../words.ts'
import { gitRepositorySpec, gitRepositoryStatus } from './git-repository.ts'
import { kustomizationSpec, kustomizationStatus } from './kustomization.ts'
import { toStructural } from './structural.ts'
import type { Schema } from './structural.ts'

interface Definition {
  readonly kind: Kind
  readonly description: string
  readonly shortNames: readonly string[]
  readonly category: string
  readonly component: string
  readonly columns: readonly Column[]
  readonly spec: z.ZodType
  readonly status: z.ZodType
}

interface Column {
  readonly jsonPath: string
  readonly name: string
  readonly type: 'string' | 'date'
}

const age: Column = { jsonPath: '.metadata.creationTimestamp', name: 'Age', type: 'date' }
const ready: Column = { jsonPath: '.status.conditions[?(@.type=="Ready")].status', name: 'Ready', type: 'string' }
const message: Column = { jsonPath: '.status.conditions[?(@.type=="Ready")].message', name: 'Status', type: 'string' }
const url: Column = { jsonPath: '.spec.url', name: 'URL', type: 'string' }

const definitions: readonly Definition[] = [
  {
    kind: gitRepositoryKind,
    description: 'A Git repository whose content at one revision is offered as an artifact.',
    shortNames: ['gitrepo'],
    category: 'fluxcd-sources',
    component: 'source-controller',
    columns: [url, age, ready, message],
    spec: gitRepositorySpec,
    status: gitRepositoryStatus,
  },
  {
    kind: kustomizationKind,
    description: 'A folder of a source that is built with kustomize and kept applied to a cluster.',
    shortNames: ['ks'],
    category: 'fluxcd-appliers',
    component: 'kustomize-controller',
    columns: [age, ready, message],
    spec: kustomizationSpec,
    status: kustomizationStatus,
  },
]

/** The CustomResourceDefinitions of every kind that is built, ready to be applied or written to a file. */
export function customResourceDefinitions(): readonly CustomResourceDefinition[] {
  return definitions.map(customResourceDefinition)
}

export type CustomResourceDefinition = ReturnType<typeof customResourceDefinition>

function customResourceDefinition(definition: Definition) {
  const { group, kind, plural, version } = definition.kind
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      // A Kustomization may apply these definitions: their descriptions hold no variables to replace.
      annotations: { [annotations.substitute]: 'disabled' },
      labels: { [labels.component]: definition.component, [labels.partOf]: 'flux' },
      name: `${plural}.${group}`,
    },
    spec: {
      group,
      names: {
        categories: ['all', 'fluxcd', definition.category],
        kind,
        listKind: `${kind}List`,
        plural,
        shortNames: definition.shortNames,
        singular: kind.toLowerCase(),
      },
      scope: 'Namespaced',
      versions: [versionOf(definition, version)],
    },
  }
}

function versionOf(definition: Definition, name: string) {
  return {
    additionalPrinterColumns: definition.columns,
    name,
    schema: { openAPIV3Schema: rootSchema(definition) },
    served: true,
    storage: true,
    subresources: { status: {} },
  }
}

function rootSchema(definition: Definition): Schema {
  return {
    description: definition.description,
    properties: {
      apiVersion: { description: 'Version of the schema that this object is written in.', type: 'string' },
      kind: { description: 'Kind of this object.', type: 'string' },
      metadata: { type: 'object' },
      spec: { ...printed(definition.spec), description: 'What is asked for.' },
      // kstatus reads -1 as "not looked at yet", so a new object counts as in progress.
      status: { ...printed(definition.status), default: { observedGeneration: -1 }, description: 'What was found and done.' },
    },
    type: 'object',
  }
}

function printed(schema: z.ZodType): Schema {
  return toStructural(z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input', reused: 'inline', unrepresentable: 'any' }))
}
