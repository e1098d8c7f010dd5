/**
 * `slipway/fake`: a platform, a router and a clock in memory, and parts that break where they are told to, for tests of what is built on
 * Slipway.
 */
export { faultyProvider, faultyRouter } from '../../fault/calls.ts'
export type { FaultHook, FaultPoint, FaultWrite } from '../../fault/point.ts'
export { faultyStore } from '../../fault/store.ts'
export { type AppliedTable, type FakeProxy, fakeProxy, type InFlight } from '../../router/fake/proxy.ts'
export { type FakeRouter, type FakeRouterOptions, fakeRouter } from '../../router/fake/router.ts'
export { type FakeClock, fakeClock } from './clock.ts'
export type { Fault } from './fault.ts'
export type { ImageScript } from './images.ts'
export { type FakeProvider, type FakeProviderOptions, fakeProvider } from './provider.ts'
export type { Ms } from './random.ts'
export type { FakeCall, FakeHappening, FakeMethod, FakeTask, Plant } from './record.ts'
export type { Condition, Happening } from './replica.ts'
export type { Behaviour, ReplicaMatch } from './script.ts'
export { type FakeWorld, fakeWorld } from './world.ts'
