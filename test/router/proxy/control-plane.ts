import { proxyRouter } from '../../../src/router/proxy/router.ts'

// A control plane to be killed: connects to the proxy of a folder, says its pid, and stays.

const [dataDir = ''] = process.argv.slice(2)
const router = await proxyRouter({ dataDir })
process.stdout.write(`${await router.pid()}\n`)
setInterval(() => {}, 60_000)
