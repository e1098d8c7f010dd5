// The server of a stage, in a process of its own: it is used by the client like any other, and may be killed and started again.
import { createServer, endOnSignals } from '../../server/index.ts'
import { createSlipway } from '../../slipway.ts'

/** What it says once it listens. The token is said once, by the process that made the data. */
export interface Serving {
  readonly url: string
  readonly token?: string
  /** Where the proxy takes traffic. */
  readonly front: { readonly host: string; readonly port: number }
}

const [dataDir = '', port = '0', first = ''] = process.argv.slice(2)
const slipway = await createSlipway({ dataDir, log: { info: () => undefined, warn: () => undefined } })
const server = createServer(slipway)
const { url } = await server.listen({ port: Number(port) })
endOnSignals(server, slipway)
// Without the demo there is nobody who would end it.
process.on('disconnect', () => process.exit())
const { host, port: frontPort } = slipway.front
const token = first === 'first' ? { token: (await slipway.issueOperatorToken('ana')).secret } : {}
process.send?.({ url, front: { host, port: frontPort }, ...token } satisfies Serving)
