import { createServer, endOnSignals } from '../../src/server/index.ts'
import { createSlipway } from '../../src/slipway.ts'

// A server in a process of its own, to be killed or told to end: takes a data folder and a port (any, when it is left out), tells its address.

const [dataDir = '', port = '0'] = process.argv.slice(2)
const slipway = await createSlipway({ dataDir, log: { info: () => {}, warn: () => {} } })
const server = createServer(slipway)
const { url } = await server.listen({ port: Number(port) })
endOnSignals(server, slipway)
process.on('disconnect', () => process.exit())
process.send?.(url)
