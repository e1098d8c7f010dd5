import { type AsyncHook, createHook } from 'node:async_hooks'

/**
 * Node's runner notes of every promise which test made it, and has the garbage collector tell it when the promise is gone: a quarter of all
 * the processor time of tests that await much. A runner that is put up by what is done `meanwhile` leaves promises out. All it wants to know
 * is whose test an error is that nobody caught: such an error fails the run as before, and is told with where it was thrown, as its test
 * may not be found.
 */
export function withoutPromiseHooks(meanwhile: () => void): void {
  process.on('uncaughtExceptionMonitor', error => console.error(error))
  process.on('unhandledRejection', error => console.error(error))
  const untracked = createHook({ trackPromises: false })
  const marks = Object.getOwnPropertySymbols(untracked).filter(mark => Reflect.get(untracked, mark) === true)
  const prototype = Object.getPrototypeOf(untracked) as AsyncHook
  const { enable } = prototype
  prototype.enable = function (this: AsyncHook) {
    for (const mark of marks) Reflect.set(this, mark, true)
    return enable.call(this)
  }
  try {
    meanwhile()
  } finally {
    prototype.enable = enable
  }
}
