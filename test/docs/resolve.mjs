// Lets a program of the documents import `slipway` as its users do, before anything was built.
import { registerHooks } from 'node:module'

const sources = {
  slipway: new URL('../../src/index.ts', import.meta.url).href,
  'slipway/server': new URL('../../src/server/index.ts', import.meta.url).href,
}

registerHooks({
  resolve: (name, context, next) =>
    Object.hasOwn(sources, name) ? { url: sources[name], shortCircuit: true } : next(name, context),
})
