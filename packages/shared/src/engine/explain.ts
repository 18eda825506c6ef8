import path from 'node:path'
import { EngineError } from './engine-error.ts'
import type { EngineErrorCode } from './engine-error.ts'
import type { ChildExit } from './spawn-limited.ts'
import type { View } from './engine.ts'

/** What kustomize said about a view, and the directory in which the view lay for it. */
export interface Complaint {
  readonly text: string
  readonly root: string
  readonly view: View
}

/** An error of the kustomize library in terms of the user's repository: class, file and, where known, line. */
export function explain({ text, root, view }: Complaint): EngineError {
  const message = withoutContent(withoutNoise(withoutAddresses(withoutRoot(text.trim(), root))))
  return new EngineError(codeOf(message), message, { file: fileOf(message, view), line: lineOf(message) })
}

/**
 * A panic of kustomize: it comes again with the same files, so they are what must change. kustomize does not say where it was, so the
 * top kustomization file stands for all.
 */
export function explainPanic(said: string, view: View): EngineError {
  const reason = withoutContent(withoutAddresses(said.split('\n', 1)[0] ?? '')).replace(/ \[recovered.*/, '')
  return new EngineError('input', `kustomize panics on these files: ${reason}`, { file: kustomizationIn(view.path, view) })
}

/** Why a process is gone that owed an answer. */
export function explainExit(exit: ChildExit): EngineError {
  const reason = exit.signal ?? `exit code ${exit.code}`
  if (exit.code === 126 || exit.code === 127) {
    return new EngineError('unavailable', `the engine could not be started: ${lastLine(exit.stderr) || reason}`)
  }
  if (exit.code === 3) return new EngineError('deadline', 'the build took longer than allowed')
  // Go's own words for it differ with what it needed memory for at that moment: heap, address space, a thread, a stack.
  const exhausted = /out of memory|cannot allocate memory|cannot (re)?map|failed to (create new OS thread|allocate|reserve)|newosproc|errno=1[12]\b|stack overflow|goroutine stack exceeds/i.test(exit.stderr)
  if (exhausted) return new EngineError('resource', 'the build needs more memory than allowed')
  // A Go program that is no panic dies with 2 when its runtime gives up: under a memory limit that is why, though the reason may be cut off above its registers.
  if (exit.code === 2 && !/^panic: /m.test(exit.stderr) && /^(fatal error: |[a-z0-9]+\s+0x[0-9a-f]+$)/m.test(exit.stderr)) {
    return new EngineError('resource', 'the engine gave up, most likely because the build needs more memory than allowed')
  }
  // The kernel ends with these who went over a limit: memory of the machine or the cgroup, CPU time.
  if (exit.signal === 'SIGKILL' || exit.signal === 'SIGXCPU') {
    return new EngineError('resource', `the build went over a limit (${exit.signal})`)
  }
  return new EngineError('internal', `the engine ended early (${reason}): ${panicOf(exit.stderr)}`)
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? ''
}

function panicOf(stderr: string): string {
  return /^(?:panic|fatal error): .*$/m.exec(stderr)?.[0] ?? lastLine(stderr)
}

function withoutRoot(text: string, root: string): string {
  return text.replaceAll(`${root}/`, '').replaceAll(root, '.')
}

/** Each directory is first tried as a file, and the failure of that says nothing. */
function withoutNoise(text: string): string {
  return text.replaceAll(/accumulation err='accumulating resources from '[^']*': read [^']*: is a directory': /g, '')
}

/** kustomize prints Go values that hold pointers (`&{0xc000123456 <nil>}`): another text each time, for one and the same failure. */
function withoutAddresses(text: string): string {
  return text.replaceAll(/ ?&\{[^{}]*\b0x[0-9a-f]{6,}[^{}]*\}/g, '')
}

/** kustomize quotes whole configurations, literals and patches, and those may hold secrets. */
function withoutContent(text: string): string {
  return text
    .replaceAll(/ with config: `[\s\S]*?`(?=:|$)/g, '')
    .replaceAll(/(unable to parse SM or JSON patch from) \[[\s\S]*\](?=:|$)/g, '$1 the text given')
    .replaceAll(/(literal sources) \[[\s\S]*\](?=:)/g, '$1')
    .replaceAll(/(invalid literal source) .*?(?=, expected)/g, '$1')
    .replaceAll(/(must specify one of patch and path|patch and path can't be set at the same time)[\s\S]*/g, '$1')
    .replaceAll(/(has invalid utf8 bytes) :[\s\S]*/g, '$1')
}

const codePatterns: readonly (readonly [RegExp, EngineErrorCode])[] = [
  [/remote content is refused|no 'git' program on path|security; |cannot be absolute|HTTP Error/, 'security'],
  [/no such file or directory|unable to find one of|doesn't exist/, 'missing'],
]

function codeOf(message: string): EngineErrorCode {
  return codePatterns.find(([pattern]) => pattern.test(message))?.[1] ?? 'input'
}

function lineOf(message: string): number | undefined {
  const line = /\bline (\d+)/.exec(innermost(message))?.[1]
  return line === undefined ? undefined : Number(line)
}

const kustomizationNames = ['kustomization.yaml', 'kustomization.yml', 'Kustomization']

/** Paths in a message are relative to the innermost directory that it names; what names no file is about its kustomization. */
function fileOf(message: string, view: View): string {
  const directory = directoryOf(message) ?? view.path
  const tail = innermost(message)
  const opened = lastMatch(tail, /(?:open|lstat|read) ([^:']+): /g)
  if (opened !== undefined) return opened
  const named = /in File: (\S+)/.exec(tail)?.[1] ?? lastMatch(tail, /(?:accumulating|merging) resources from '([^']*)'/g)
  if (named !== undefined) return path.posix.join(directory, named)
  return kustomizationIn(directory, view)
}

function kustomizationIn(directory: string, view: View): string {
  const names = kustomizationNames.map((name) => path.posix.join(directory, name))
  return names.find((name) => view.files.has(name)) ?? path.posix.join(directory, 'kustomization.yaml')
}

const directoryPattern = /(?:recursed accumulation of path|recursed merging from path|couldn't make target for path) '([^']*)'|kustomization files? under:? (\S+?):?$/gm

function directoryOf(message: string): string | undefined {
  const match = [...message.matchAll(directoryPattern)].at(-1)
  return match?.[1] ?? match?.[2]
}

/** The part of a message after the last directory it went into. */
function innermost(message: string): string {
  const marker = [...message.matchAll(/recursed accumulation of path '[^']*'/g)].at(-1)
  return marker === undefined ? message : message.slice(marker.index + marker[0].length)
}

function lastMatch(text: string, pattern: RegExp): string | undefined {
  return [...text.matchAll(pattern)].at(-1)?.[1]
}
