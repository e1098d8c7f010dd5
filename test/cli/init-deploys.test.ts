import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { startWorld } from '../server/world.ts'
import { startUser } from './world.ts'

/** A program that answers with what it finds around it, and tells in $DATA what it was told to do. */
const program = (body: string): string => `#!/usr/bin/env node
const { appendFileSync } = require('node:fs')
const http = require('node:http')
process.on('SIGTERM', () => {
  appendFileSync(process.env.DATA + '/told', 'SIGTERM ')
  setTimeout(() => process.exit(0), 300)
})
http.createServer((request, response) => {
  if (request.url === '/up') return response.end('up')
  ${body}
}).listen(process.env.PORT)
`

/** A stranger's app, as compose runs it: nobody says \`main\`, \`bin\` or slipway.json. */
const app: Readonly<Record<string, string>> = {
  'compose.yaml': `services:
  web:
    build: { context: ./web }
    ports: ["8080:80", "9000-9001:9000-9001"]
    env_file: web.env
    environment: { API: "http://api_server:3000/v1", DATABASE: "postgres://db:5432/shop" }
    depends_on:
      api_server: { condition: service_healthy }
      migrate: { condition: service_completed_successfully }
      db: { condition: service_started }
    healthcheck: { test: [CMD, curl, -f, "http://localhost:80/up"], interval: 500ms }
    volumes: ["kept:/var/lib/web"]
  api_server:
    build: ./api
    healthcheck: { test: wget -q http://127.0.0.1:3000/up || exit 1, interval: 500ms }
  worker:
    build: ./worker
    command: npm start
    healthcheck: { test: [CMD, "true"], interval: 500ms }
  migrate:
    build: { context: ./web }
    command: node migrate.js
  db:
    image: postgres:16
  mailbox:
    image: mailhog/mailhog
    profiles: [dev]
volumes: { kept: }
`,
  'web.env': 'LEVEL=debug\n',
  'web/package.json': '{ "name": "web", "main": "index.js", "scripts": { "start": "GREETING=hello serve-shop" } }',
  'web/migrate.js': `require('node:fs').writeFileSync(process.env.DATA + '/migrated', 'yes')`,
  'web/shop/cli.js': program(
    `http.get(process.env.API, answer => {
    response.write(process.env.GREETING + ' ')
    answer.pipe(response)
  }).on('error', error => response.writeHead(502).end(String(error)))`,
  ),
  'api/package.json': '{ "name": "api", "main": "index.js" }',
  'api/Dockerfile': `FROM node:24 AS build
CMD ["nothing"]
FROM node:24
COPY . .
CMD ["node", \\
  "api.js"]
`,
  'api/api.js': program(`response.end('from ' + request.url)`),
  'worker/package.json': '{ "scripts": { "start": "true && node worker.js $PORT" } }',
  'worker/worker.js': program(`response.end()`).replace('.listen(process.env.PORT)', '.listen(0)'),
}

test('what init writes for a stranger’s compose file comes up as it is, and SIGTERM reaches each program once', async t => {
  const world = await startWorld(t)
  const { token } = await world.tenant()
  const user = await startUser(t, { url: world.url, token })
  const cwd = await mkdtemp(join(tmpdir(), 'slipway-init-deploys-'))
  t.after(() => rm(cwd, { recursive: true }))
  for (const [name, text] of Object.entries(app)) {
    await mkdir(dirname(join(cwd, name)), { recursive: true })
    await writeFile(join(cwd, name), text, { mode: 0o755 })
  }
  await mkdir(join(cwd, 'web/node_modules/.bin'), { recursive: true })
  await symlink('../../shop/cli.js', join(cwd, 'web/node_modules/.bin/serve-shop'))

  assert.deepEqual(await user.call('init --name shop', { cwd }), {
    code: 0,
    out: '',
    err: `✔ Wrote slipway.yaml: shop with web, api-server, worker (from compose.yaml)
  ‖ api_server is called api-server: names are of lower-case letters, digits and -.
  ‖ migrate runs once and ends: it is what web runs \`before\` each release.
  ‖ db is left out: postgres:16 comes from a registry of containers, and what runs here is a folder (file:) or a package (npm:). Let it run as it does, and give the others its address.
  ‖ mailbox is left out: it is in profile dev, which compose does not start by itself either.
  ‖ web: env_file, volumes are not carried over.
  ‖ web: what it keeps belongs into the folder that $DATA names; it outlives releases.
  ‖ web: say what its env_file has under \`env\`, or store it with \`slipway secrets set\`.
  ‖ web: its port 9000-9001:9000-9001 is not carried over: ports are single ones of TCP.
  ‖ web: DATABASE names db, which is no host name here: say its address.
  ‖ web: it has to listen on the port that it finds in $PORT; on 80 nobody asks it here.
  ‖ api_server: its command is the one of Dockerfile, of which nothing else is read.
  ‖ api_server: it has to listen on the port that it finds in $PORT; on 3000 nobody asks it here.
  ‖ Not carried over: volumes.
  Next:  slipway deploy -f slipway.yaml
`,
  })

  // Nothing else of what it wrote: five seconds of being well, three times over, are long for a test.
  const file = join(cwd, 'slipway.yaml')
  const written = await readFile(file, 'utf8')
  await writeFile(file, written.replaceAll('interval_ms: 500', 'interval_ms: 500\n      min_healthy_ms: 0'))
  const deployed = await user.call('deploy -f slipway.yaml', { cwd })
  assert.equal(deployed.code, 0, deployed.err)
  const { out } = await user.call('ps shop --json')
  const { id, urls } = JSON.parse(out) as { id: string; urls: Record<string, string> }
  assert.equal(await (await fetch(urls['web'] ?? '')).text(), 'hello from /v1')
  const told = async (service: string, file: string): Promise<string> =>
    await readFile(join(world.machine.dataDir, 'instances', id, 'data', service, file), 'utf8')
  assert.equal(await told('web', 'migrated'), 'yes')

  const stopped = await user.call('instances stop shop --yes')
  assert.equal(stopped.code, 0, stopped.err)
  for (const service of ['web', 'api-server', 'worker']) assert.equal(await told(service, 'told'), 'SIGTERM ', service)
})
