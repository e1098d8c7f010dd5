import { Agent, get } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { begin, release, send, serve } from './serve.mjs'

// Answers with what the api says, whole or in parts. A call to the api that got no answer of the api itself is told apart
// (`x-shop-upstream: lost`) from one that the api answered with an error (`failed`): the first is the network's fault.
const api = process.env.URL_API
const agent = new Agent({ keepAlive: true })

await serve({
  '/': async response => {
    if (!api) return send(response, 200, { pid: process.pid })
    const answer = await ask('/').then(whole).catch(lost)
    if (answer.upstream) return refuse(response, answer)
    send(response, 200, { pid: process.pid, api: answer })
  },

  '/slow': async (response, url) => {
    const answer = await ask(`/slow${url.search}`).catch(lost)
    if (answer.upstream) return refuse(response, answer)
    begin(response)
    response.write(`{"service":"${release.service}","version":"${release.version}","api":`)
    await pipeline(answer, response, { end: false })
    response.end('}')
  },
})

/** The api's answer once its head is there and is a good one, or what is wrong with it. */
function ask(path) {
  return new Promise((resolve, reject) => {
    const request = get(new URL(path, api), { agent, timeout: 8000 }, answer => {
      if (answer.statusCode === 200 && answer.headers['x-shop-version']) return resolve(answer)
      answer.resume()
      if (answer.headers['x-shop-version']) resolve({ upstream: 'failed', error: `api answered ${answer.statusCode}` })
      else reject(new Error(`answered ${answer.statusCode} by something that is not the api`))
    })
    request.on('timeout', () => request.destroy(new Error('no answer within 8 s')))
    request.on('error', reject)
  })
}

async function whole(answer) {
  if (answer.upstream) return answer
  let text = ''
  for await (const chunk of answer.setEncoding('utf8')) text += chunk
  return JSON.parse(text)
}

function lost(error) {
  return { upstream: 'lost', error: `api: ${error.message}` }
}

function refuse(response, { upstream, error }) {
  send(response, 502, { error }, { 'x-shop-upstream': upstream })
}
