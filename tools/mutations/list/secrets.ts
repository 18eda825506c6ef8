import type { Mutation } from '../mutation.ts'

const shared = 'packages/shared/src'
const kustomize = 'packages/kustomize-controller/src/kustomization'
const telling = { file: `${kustomize}/telling.test.ts`, title: 'appear in no status, event, log or message, whatever fails' }
const everywhere = { file: 'e2e/hostile-secrets.test.ts', title: 'a secret' }

/** What must not leave the process. */
export const ofSecrets: readonly Mutation[] = [
  { name: 'secret-in-log-message', removes: [{ file: `${shared}/telemetry/log.ts`, search: 'redact(message))', replace: 'redact && message)' }], test: { file: `${shared}/telemetry/log.test.ts`, title: 'redacts messages, fields, nested values and names' } },
  { name: 'secret-in-log-field', removes: [{ file: `${shared}/telemetry/log-fields.ts`, search: 'const clean = redact(text)', replace: 'const clean = redact ? text : text' }], test: { file: `${shared}/telemetry/log.test.ts`, title: 'redacts messages, fields, nested values and names' } },
  { name: 'secret-in-event', removes: [{ file: `${shared}/events/record/record.ts`, search: 'message: cut(redact(record.message), longestMessage)', replace: 'message: cut(record.message, longestMessage)' }], test: { file: `${shared}/events/recorder.test.ts`, title: 'masks secrets and cuts long messages' } },
  { name: 'secret-on-the-bus', removes: [{ file: `${shared}/events/cloud-event.ts`, search: 'redact(value.slice(0, longestRead)).slice(0, longestText)', replace: 'value.slice(0, longestText)' }], test: { file: `${shared}/events/bus.test.ts`, title: 'lets no secret through and cuts long texts' } },
  { name: 'secret-in-trace', removes: [{ file: `${shared}/telemetry/otel.ts`, search: "typeof value === 'string' ? redact(value) : value", replace: 'value' }], test: { file: `${shared}/telemetry/traces.test.ts`, title: 'sends nested spans below a remote parent, with failures redacted' } },
  { name: 'secret-in-traced-error', removes: [{ file: `${shared}/telemetry/otel.ts`, search: 'message: redact(error instanceof Error ? messageOf(error) : String(error))', replace: 'message: String(error)' }], test: { file: `${shared}/telemetry/traces.test.ts`, title: 'sends nested spans below a remote parent, with failures redacted' } },
  { name: 'secret-of-a-login', removes: [{ file: `${shared}/auth/git-login.ts`, search: '  registerSecrets(values)\n', replace: '' }], test: { file: `${shared}/auth/auth.test.ts`, title: 'registers every secret before anything can fail' } },
  { name: 'secret-in-quoted-url', removes: [{ file: `${shared}/api/schemas/decode.ts`, search: "return issue.code === 'invalid_value' ? ", replace: 'return issue.input ? ' }], test: { file: `${shared}/api/schemas/decode.test.ts`, title: 'never quotes a URL, which may hold a password' } },
  { name: 'userinfo-shape', removes: [{ file: `${shared}/telemetry/redact.ts`, search: '[^\\s/?#"\'<>]*@/gi', replace: '[^\\s/?#"\'<>]*@@@/gi' }], test: { file: `${shared}/telemetry/redact.test.ts`, title: 'masks user and password in a URL' } },
  { name: 'secret-of-an-object', removes: [{ file: `${shared}/apply/write/refusal.ts`, search: 'mask(maskWords(wordsOf(error), desired))', replace: 'mask(wordsOf(error))' }], test: everywhere },
  { name: 'secret-of-a-variable', removes: [{ file: `${kustomize}/build/prepare.ts`, search: 'variables.secret.length === 0 ? text : maskValues(text, variables.secret)', replace: 'maskValues ? text : text' }], test: telling },
  { name: 'secret-of-a-variable-whole-way', removes: [{ file: `${kustomize}/build/prepare.ts`, search: 'variables.secret.length === 0 ? text : maskValues(text, variables.secret)', replace: 'maskValues ? text : text' }], test: everywhere },
  { name: 'secret-in-an-engine-error', removes: [{ file: `${shared}/engine/explain.ts`, search: 'function withoutContent(text: string): string {\n', replace: 'function withoutContent(text: string): string {\n  if (text) return text\n' }], test: { file: `${shared}/engine/engine.test.ts`, title: 'does not repeat the content of files and literals in errors' } },
]
