import { connectRunning } from '../../../src/router/proxy/find.ts'
import { placeOf } from '../../../src/router/proxy/place.ts'
import { proxyRouter } from '../../../src/router/proxy/router.ts'

// A control plane to be killed: connects to the proxy of a folder, says its pid, and stays. Given a program, it has that one take over when told.

const [dataDir = '', main] = process.argv.slice(2)
const router = await proxyRouter({ dataDir })
process.stdout.write(`${await router.pid()}\n`)
setInterval(() => {}, 60_000)
if (main !== undefined) {
  process.stdin.once('data', () => {
    void connectRunning(placeOf(dataDir), { onEnd: () => {} }).then(client =>
      client?.call('upgrade', { node: process.execPath, main }, 60_000),
    )
  })
}
