import { createServer, endOnSignals } from '../../src/server/index.ts'
import { createSlipway } from '../../src/slipway.ts'

// A server in a process of its own, to be killed or told to end: takes a data folder, tells its address.

const [dataDir = ''] = process.argv.slice(2)
const slipway = await createSlipway({ dataDir, log: { info: () => {}, warn: () => {} } })
const server = createServer(slipway)
const { url } = await server.listen()
endOnSignals(server, slipway)
process.on('disconnect', () => process.exit())
process.send?.(url)
