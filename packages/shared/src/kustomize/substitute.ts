import { forms, toleratesUnset } from './substitution/forms.ts'
import { parseTemplate } from './substitution/parse.ts'
import { SubstitutionError } from './substitute-error.ts'
import type { Expression, Node } from './substitution/parse.ts'

/**
 * Replaces `${…}` in one object's YAML, as `postBuild` asks. Values go in as they are: the caller removes their
 * newlines before and parses the text again afterwards. `strict` refuses a variable that is unset and has no default;
 * otherwise it is empty. Arguments are evaluated even where they are not used, so a strict failure inside one shows.
 * Throws {@link SubstitutionError}, whose message names the variable and never a value.
 */
export function substitute(
  yaml: string,
  variables: ReadonlyMap<string, string>,
  options: { readonly strict: boolean },
): string {
  if (!yaml.includes('$')) return yaml
  return evaluateAll(parseTemplate(yaml), { variables, strict: options.strict })
}

interface Scope {
  readonly variables: ReadonlyMap<string, string>
  readonly strict: boolean
}

function evaluateAll(nodes: readonly Node[], scope: Scope): string {
  return nodes.map((node) => (typeof node === 'string' ? node : evaluate(node, scope))).join('')
}

function evaluate(expression: Expression, scope: Scope): string {
  const args = expression.args.map((arg) => evaluateAll([arg], scope))
  const value = scope.variables.get(expression.variable)
  if (value === undefined && scope.strict && !toleratesUnset(expression.form)) {
    throw new SubstitutionError(`variable not set (strict mode): ${JSON.stringify(expression.variable)}`)
  }
  return forms[expression.form](value ?? '', args)
}
