// Lets a program of the documents import `slipway` as its users do, before anything was built.
import { registerHooks } from 'node:module'

const source = new URL('../../src/index.ts', import.meta.url).href

registerHooks({
  resolve: (name, context, next) => (name === 'slipway' ? { url: source, shortCircuit: true } : next(name, context)),
})
