import { flushCompileCache } from 'node:module'
import { createSlipway } from '../src/index.ts'

// A control plane in a process of its own for bench/healing.ts, to be killed. Says `up` when it is, and ends with whoever started it.

const [dataDir = ''] = process.argv.slice(2)
await createSlipway({ dataDir })
process.on('disconnect', () => process.exit())
process.send?.('up')
// One that is killed would never write down what it compiled.
flushCompileCache()
