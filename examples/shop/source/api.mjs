import { setTimeout as delay } from 'node:timers/promises'
import { begin, release, send, serve } from './serve.mjs'

await serve({
  '/': response => send(response, 200, { pid: process.pid }),

  // Two seconds (or ?ms=) in ten parts: what a switch must not cut in the middle.
  '/slow': async (response, url) => {
    const ms = Number(url.searchParams.get('ms') ?? 2000)
    begin(response)
    response.write(`{"service":"${release.service}","version":"${release.version}","ticks":[0`)
    for (let tick = 1; tick < 10 && !response.destroyed; tick++) {
      await delay(ms / 9)
      response.write(`,${tick}`)
    }
    response.end(']}')
  },
})
