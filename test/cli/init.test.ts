import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { type Calling, startUser } from './world.ts'

/** A folder called `shop` with these files. */
async function folder(t: TestContext, files: Readonly<Record<string, string>> = {}) {
  const above = await mkdtemp(join(tmpdir(), 'slipway-init-'))
  t.after(() => rm(above, { recursive: true }))
  const cwd = join(above, 'shop')
  await mkdir(cwd)
  for (const [name, text] of Object.entries(files)) await writeFile(join(cwd, name), text)
  const user = await startUser(t)
  return {
    cwd,
    init: (words = '', calling: Calling = {}) => user.call(`init ${words}`, { cwd, ...calling }),
    written: async () => await readFile(join(cwd, 'slipway.yaml'), 'utf8'),
  }
}

const schema = '# yaml-language-server: $schema=https://unpkg.com/slipway/docs/slipway.schema.json\n'

describe('slipway init', () => {
  test('makes a package.json a service that starts as it does', async t => {
    const shop = await folder(t, {
      'package.json':
        '{ "name": "@acme/web_shop", "scripts": { "start": "node server.js --log \'a b\'", "build": "tsc" } }',
    })
    assert.deepEqual(await shop.init(), {
      code: 0,
      out: '',
      err: `✔ Wrote slipway.yaml: web-shop with web (from package.json)
  ‖ web is told the port to listen on in $PORT. If it listens on none, take \`ports\` and \`expose\` out.
  ‖ What is deployed is this folder as it is: build it first.
  Next:  slipway deploy -f slipway.yaml
`,
    })
    assert.equal(
      await shop.written(),
      `${schema}# Made from package.json.
# web is told the port to listen on in $PORT. If it listens on none, take \`ports\` and \`expose\` out.
# What is deployed is this folder as it is: build it first.

name: web-shop
services:
  - name: web
    image: file:.
    command: [ node, server.js, --log, a b ]
    ports:
      - name: http
    expose: true
`,
    )
  })

  test('leaves to npm what only npm finds', async t => {
    const shop = await folder(t, { 'package.json': '{ "scripts": { "start": "next start" } }' })
    assert.equal((await shop.init()).code, 0)
    assert.match(await shop.written(), /^name: shop$/m)
    assert.match(await shop.written(), /command: \[ npm, start \]/)
  })

  test('carries a compose file over, and says what it could not', async t => {
    const shop = await folder(t, {
      'package.json': '{ "scripts": { "start": "node x" } }',
      'compose.yaml': `name: My Shop
x-base: &base { restart: always, environment: { LEVEL: "$LEVEL" } }
services:
  web_app:
    <<: *base
    build: { context: ./web }
    command: node server.js
    ports: ["8080:3000/tcp"]
    environment: [ "TAG=\${TAG:-dev}", "PLAIN=$$5", TOKEN, "API=\${API:?needed}", "N=\${N-3}" ]
    depends_on: { db: { condition: service_healthy } }
    healthcheck: { test: [CMD, curl, -f, "http://localhost:3000/up?a=1"], interval: 1m30s, timeout: 5s, retries: 3 }
    deploy: { replicas: 3, resources: {} }
    stop_grace_period: 20s
  db:
    <<: *base
    image: postgres:\${PG-16}
    volumes: ["data:/var/lib"]
    healthcheck: { test: pg_isready -U shop }
volumes: { data: }
`,
    })
    const { code, err } = await shop.init()
    assert.equal(code, 0)
    assert.equal(
      err,
      `✔ Wrote slipway.yaml: my-shop with web-app, db (from compose.yaml)
  ‖ web_app is called web-app: names are of lower-case letters, digits and -.
  ‖ web-app: deploy.resources is not carried over.
  ‖ db: volumes is not carried over.
  ‖ db: what it keeps belongs into the folder that $DATA names; it outlives releases.
  ‖ db: postgres:\${PG-16} comes from a registry of containers; processes are of a folder (file:) or a package (npm:).
  ‖ Not carried over: volumes.
  Next:  slipway deploy -f slipway.yaml
`,
    )
    assert.equal(
      (await shop.written()).replaceAll(/^#.*\n/gm, ''),
      `
name: my-shop
services:
  - name: web-app
    image: file:./web
    command: [ node, server.js ]
    env:
      TAG: \${TAG:-dev}
      PLAIN: $5
      TOKEN: \${TOKEN}
      API: \${API}
      N: \${N:-3}
    ports:
      - name: http
        number: 3000
    health_check:
      type: http
      path: /up?a=1
      interval_ms: 90000
      timeout_ms: 5000
      unhealthy_after: 3
    depends_on: [ db ]
    replicas: 3
    grace_ms: 20000
    expose: true

  - name: db
    image: postgres:\${PG:-16}
    env:
      LEVEL: \${LEVEL}
    health_check:
      type: command
      command: [ sh, -c, pg_isready -U shop ]
`,
    )
  })

  test('refuses a compose file at the place where it is none', async t => {
    const shop = await folder(t, { 'my.yaml': 'services: []\n' })
    assert.deepEqual(await shop.init('--from my.yaml'), {
      code: 2,
      out: '',
      err: `✖ my.yaml has one fault.
  my.yaml:1:11: services declares no service
    1 | services: []
      |           ^
  Mend it, or name another one with --from FILE.
  (invalid_request)
`,
    })
  })

  test('takes flags instead of a file, and tells programs what it wrote', async t => {
    const shop = await folder(t)
    const { code, out, err } = await shop.init(
      '--name store --image npm:http-server@14.1.1 --replicas 2 --no-port --json --command "http-server -p 80"',
    )
    assert.deepEqual([code, err], [0, ''])
    assert.deepEqual(JSON.parse(out), {
      file: join(shop.cwd, 'slipway.yaml'),
      from: 'what you said',
      notes: [],
      project: {
        name: 'store',
        services: [
          { name: 'worker', image: 'npm:http-server@14.1.1', command: ['http-server', '-p', '80'], replicas: 2 },
        ],
      },
    })
  })

  test('asks on a terminal when nothing says it', async t => {
    const shop = await folder(t)
    const asked = shop.init('', { terminal: {} })
    await asked.told('What is the application called?')
    asked.type('\r')
    await asked.told('What does it run?')
    asked.type('file:./app\r')
    await asked.told('By which command?')
    asked.type('node server.js\r')
    await asked.told('Does it listen on $PORT?')
    asked.type('y')
    const { code, err } = await asked
    assert.equal(code, 0)
    assert.match(err, /Wrote slipway\.yaml: shop with web/)
    assert.match(
      await shop.written(),
      /^name: shop\nservices:\n {2}- name: web\n {4}image: file:\.\/app\n {4}command: \[ node, server\.js \]\n/m,
    )
  })

  test('that is interrupted has written nothing, and ends with 130', async t => {
    const shop = await folder(t)
    const asked = shop.init('', { terminal: {} })
    await asked.told('What is the application called?')
    asked.type('\u0003')
    const { code, err } = await asked
    assert.equal(code, 130)
    assert.match(stripVTControlCharacters(err), /✖ Nothing was written\.\n {2}Begin again: {2}slipway init\n/)
    await assert.rejects(shop.written(), { code: 'ENOENT' })
  })

  test('with nothing to go by and no terminal ends with 2, and names the flags', async t => {
    const shop = await folder(t, { 'package.json': '{ "name": "nothing-to-start" }' })
    assert.deepEqual(await shop.init(), {
      code: 2,
      out: '',
      err: `✖ shop has no compose file and no package.json with a script "start", and there is no terminal to ask on.
  Say what to run:  slipway init --name NAME --image file:. --command "node server.js"
  Or from where:    slipway init --from FILE
  (nothing_found)
`,
    })
    assert.equal((await shop.init('--from package.json')).code, 2)
    assert.equal((await shop.init('--from there.is.none')).code, 5)
    assert.equal((await shop.init('--image file:. --from package.json')).code, 2)
    assert.match((await shop.init('--image file:. --replicas many')).err, /--replicas takes a whole number, not "many"/)
    assert.match((await shop.init('--image file:. --name Shop')).err, /name must be lower-case letters/)
  })

  test('leaves a file that is there, unless it is told to write over it', async t => {
    const shop = await folder(t, { 'slipway.yaml': 'mine\n' })
    assert.deepEqual(await shop.init('--image file:.'), {
      code: 6,
      out: '',
      err: `✖ There is a slipway.yaml in this folder already; it was left as it is.
  Deploy it:      slipway deploy -f slipway.yaml
  Write over it:  slipway init --force
  (already_exists)
`,
    })
    assert.equal(await shop.written(), 'mine\n')
    assert.equal((await shop.init('--image file:. --force')).code, 0)
    assert.match(await shop.written(), /name: shop/)
  })
})
