import { fakeProvider, fakeRouter } from '../../src/provider/fake/index.ts'
import { createSlipway } from '../../src/slipway.ts'

// A control plane in a process of its own, which kills itself when it passes a fault point that begins so. Takes a data folder and that.

const [dataDir = '', point = ''] = process.argv.slice(2)
process.on('disconnect', () => process.exit())
await createSlipway({
  dataDir,
  log: { info: () => {}, warn: () => {} },
  providers: [fakeProvider()],
  router: fakeRouter(),
  webhooks: { allowAddresses: ['127.0.0.1'], allowHttp: true },
  faults: ({ name }) => {
    if (name.startsWith(point)) process.kill(process.pid, 'SIGKILL')
  },
})
