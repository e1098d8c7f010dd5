// What tests deploy: a small server that says who it is, and notes in $DATA when it listens, is found healthy and is told to end.
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { Agent, createServer, get } from 'node:http'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const own = JSON.parse(readFileSync(new URL('./own.json', import.meta.url), 'utf8'))
const { DATA, PORT, URL_API } = process.env
const agent = new Agent({ keepAlive: true })
/** Waits for the file of that name in $DATA; without a name for nothing. */
const sign = async name => {
  if (name === undefined) return
  for (const file = join(DATA, name); !existsSync(file); ) await delay(25)
}
const note = what => appendFileSync(join(DATA, 'timeline'), `${what} ${own.version} ${process.pid}\n`)

for (const line of own.prints ?? []) console.log(line.replaceAll(/\$(\w+)/g, (_, name) => process.env[name] ?? ''))
if (own.exits !== undefined) process.exit(own.exits)

let healthy = false
const routes = {
  '/healthz'(answer) {
    if (own.unhealthy) return answer(503, { error: own.unhealthy })
    if (!healthy) note('healthy')
    healthy = true
    answer(200, {})
  },
  '/': answer => answer(own.fails ? 500 : 200, { version: own.version, pid: process.pid }),
  '/about': answer =>
    answer(200, { version: own.version, pid: process.pid, argv: process.argv.slice(2), env: process.env }),
  '/hello': (_, response) => hello(response),
  '/slow': (_, response) => setTimeout(hello, 500, response),
  '/api'(answer) {
    get(URL_API, { agent }, async upstream => {
      let text = ''
      for await (const chunk of upstream.setEncoding('utf8')) text += chunk
      answer(upstream.statusCode, { version: own.version, api: JSON.parse(text) })
    }).on('error', error => answer(502, { error: error.message }))
  },
}

function hello(response) {
  response.writeHead(200, { 'x-version': own.version, 'content-length': 5 }).end('hello')
}

const server = createServer((request, response) => {
  const answer = (status, body) => {
    response.writeHead(status, { 'content-type': 'application/json', 'x-version': own.version })
    response.end(JSON.stringify(body))
  }
  const route = routes[request.url.split('?')[0]]
  if (route) route(answer, response)
  else answer(404, { error: 'nothing here' })
})
process.on('SIGTERM', () => {
  note('term')
  server.close(async () => {
    await sign(own.leavesAtSign)
    process.exit(0)
  })
})
setTimeout(async () => {
  if (own.listensAtSign !== undefined) note('waits')
  await sign(own.listensAtSign)
  server.listen(Number(PORT), '127.0.0.1', () => note('listens'))
}, own.listensAfterMs ?? 0)
