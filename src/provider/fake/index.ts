/**
 * `slipway/fake`: a platform, a router and a clock in memory, for tests of what is built on Slipway.
 */
export { type FakeRouter, type FakeRouterOptions, fakeRouter } from '../../router/fake/router.ts'
export { type FakeClock, fakeClock } from './clock.ts'
export type { Fault } from './fault.ts'
export type { ImageScript } from './images.ts'
export { type FakeProvider, type FakeProviderOptions, fakeProvider } from './provider.ts'
export type { Ms } from './random.ts'
export type { Condition, Happening } from './replica.ts'
export type { Behaviour, ReplicaMatch } from './script.ts'
export {
  type FakeCall,
  type FakeHappening,
  type FakeMethod,
  type FakeTask,
  type FakeWorld,
  fakeWorld,
  type Plant,
} from './world.ts'
