export { describeInjections, type FaultProxy, type FaultProxyOptions, startFaultProxy } from './fault-proxy.ts'
export { createRandom, type Fault, type FaultRule, type Injection } from './fault-rules.ts'
export { testControlPlane, type TestControlPlaneOptions } from './control-plane.ts'
export { createFakeClock, type FakeClock } from './clock.ts'
