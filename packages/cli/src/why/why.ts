import { connect } from '../connection/connect.ts'
import { findConnection, type ConnectionFlags } from '../connection/find-connection.ts'
import { CliError, exitCodes, type ExitCode } from '../exit-codes.ts'
import { findObject } from '../objects/find-object.ts'
import { listedKinds, workloadKinds } from '../objects/kinds.ts'
import { printable } from '../printable.ts'
import { parseSubject } from '../objects/subject.ts'
import type { World } from '../world.ts'
import { adviceFor } from './advice.ts'
import { rootCauses, type Finding } from './finding.ts'
import { createReader } from './reader.ts'
import { renderFinding } from './render.ts'
import { explain } from './walk.ts'

export interface WhyRequest extends ConnectionFlags {
  /** `KIND/NAME`, or KIND and NAME. */
  readonly words: readonly string[]
  readonly namespace?: string
  readonly output: 'text' | 'json'
}

/** `weir why`: exit code 0 where the object is ready, 1 where it is not. */
export async function explainObject(request: WhyRequest, world: World): Promise<ExitCode> {
  const subject = parseSubject(request.words, [...listedKinds, ...workloadKinds])
  if (subject?.name === undefined) throw new CliError(exitCodes.usage, 'name one object: weir why KIND/NAME')
  const { kind, name } = subject
  const { terminal, stop: signal, now } = world
  const { kube, config } = await connect(findConnection(request, world.env))
  try {
    const object = await findObject(kube, { kind, name, namespace: request.namespace, preferred: config.namespace, signal })
    const found = await explain(object, createReader(kube, { signal, now }))
    terminal.print(
      request.output === 'json'
        ? JSON.stringify(documentOf(found), undefined, 2)
        : renderFinding(found, { now: now(), columns: terminal.columns(), paint: terminal.paint }),
    )
    return found.state === 'ready' ? exitCodes.ok : exitCodes.failed
  } finally {
    await kube.close()
  }
}

/** The way down, and flat beside it what to do about each end of it. */
function documentOf(found: Finding): object {
  const advice = rootCauses(found).map((root) => ({ ...root.place, reason: root.reason, advice: adviceFor(root) }))
  return { ...redacted(found), advice }
}

function redacted(found: Finding): Finding {
  return { ...found, message: printable(found.message), facts: found.facts.map(printable), causes: found.causes.map(redacted) }
}
