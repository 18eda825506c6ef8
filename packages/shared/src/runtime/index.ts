export { systemClock } from './clock.ts'
export type { Clock, Timer } from './clock.ts'
export { failing, failingTransiently, isStop, ready, stalled, waiting } from './outcome.ts'
export type { Failing, Mark, Outcome, Ready, Stalled, Stop, Waiting, Why } from './outcome.ts'
export type {
  EventMoment,
  FactRule,
  FailureWords,
  FaultRule,
  KindEvent,
  KindTable,
  Notes,
  OwnStatus,
  Progress,
  Reconcilable,
  RetryRule,
  StatusCore,
  SuspendedRule,
} from './kind-table.ts'
export { RunAborted } from './step.ts'
export type { AbortReason, OnStep, Step, StepOptions } from './step.ts'
export { keyFrom, keyOf, textOf, wakeClasses } from './wake.ts'
export type { Key, WakeClass } from './wake.ts'
export { conditionOf, isAsked, isReady } from './summary.ts'
export { createController, decodeStored } from './controller.ts'
export type { Controller, ControllerOptions, Decoded, Run, RunEnd, Stored } from './controller.ts'
export type { Limit } from './queue/limit.ts'
export { createDependencies, describeCycle } from './depends-on.ts'
export type { Dependencies } from './depends-on.ts'
export type { HealthServer, Host, Start, Started } from './process/host.ts'
export { drainController } from './process/drain.ts'
export { processMemory } from './process/reclaim.ts'
export type { Memory } from './process/reclaim.ts'
export { readiness } from './process/readiness.ts'
export { lead, leaseName } from './process/lead.ts'
export type { LeadOptions, Leadership, LeaseDurations } from './process/lead.ts'
export { runProcess, stopSignal } from './manager.ts'
export type { ExitCode, Member, ProcessOptions } from './manager.ts'
export { sharedFlags } from './flags/flags.ts'
export { findLeaseProblem } from './flags/lease-durations.ts'
export { bool, durationMs, int, oneOf, text, texts } from './flags/options.ts'
export type { Flag, FlagExtras, FlagInput, FlagValues, Gate, ParsedFlags, Support } from './flags/options.ts'
export { describeFlags, parseFlags } from './flags/parse-flags.ts'
