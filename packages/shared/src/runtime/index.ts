export { sleepWith, systemClock } from './clock.ts'
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
export { betterOf, textOf, wakeClasses } from './wake.ts'
export type { Key, WakeClass } from './wake.ts'
export { createController, decodeStored } from './controller.ts'
export type { Controller, ControllerOptions, Run, RunEnd, Stored } from './controller.ts'
export { createLimit } from './limit.ts'
export type { Limit } from './limit.ts'
export { createDependencies, describeCycle } from './depends-on.ts'
export type { Dependencies } from './depends-on.ts'
export type { HealthServer, Host, Start, Started } from './host.ts'
export type { LeadOptions, Leadership } from './lead.ts'
export type { Flag, FlagExtras, FlagValues, Gate, ParsedFlags, Support } from './options.ts'
