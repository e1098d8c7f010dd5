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
  ‖ It runs server.js, which is not there: build it first, or say another \`command\`.
  ‖ What is deployed is this folder as it is: build it first.
  Next:  slipway deploy -f slipway.yaml
`,
    })
    assert.equal(
      await shop.written(),
      `${schema}# Made from package.json.
# web is told the port to listen on in $PORT. If it listens on none, take \`ports\` and \`expose\` out.
# It runs server.js, which is not there: build it first, or say another \`command\`.
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

  test('leaves to the script of the package what only it finds, and says what has to be there', async t => {
    const scripts = { start: 'next start', prestart: 'next build' }
    const shop = await folder(t, { 'package.json': JSON.stringify({ scripts, dependencies: { next: '1' } }) })
    const { code, err } = await shop.init()
    assert.equal(code, 0)
    assert.match(err, /Its script "prestart" is not run: do it before you deploy\./)
    assert.match(err, /What is deployed is \. as it is, and its packages are not there: install them first\./)
    assert.match(await shop.written(), /^name: shop$/m)
    assert.doesNotMatch(await shop.written(), /command/)
  })

  test('says of each service of a compose file what keeps it from coming up', async t => {
    const shop = await folder(t, {
      'compose.yaml': `services:
  a: { build: ./empty, ports: ["9:9/udp"] }
  b: { build: ./main }
  c: { build: ./broken }
  d: { build: "https://example.com/d.git" }
  e: { build: ., command: npm run start, environment: { "a.b": 1, PORT: 80, CACHE_HOST: a }, expose: [80] }
  f: { build: ./main, depends_on: { once: { condition: service_completed_successfully } } }
  once: { build: ./empty, command: node once.js }
`,
      'package.json': '{ "scripts": { "start": "node x" } }',
    })
    for (const name of ['empty', 'main', 'broken']) await mkdir(join(shop.cwd, name))
    await writeFile(join(shop.cwd, 'main/package.json'), '{ "main": "dist/index.js" }')
    await writeFile(join(shop.cwd, 'broken/package.json'), '{')
    const { code, err } = await shop.init()
    assert.equal(code, 0)
    assert.equal(
      err.replaceAll(shop.cwd, 'SHOP'),
      `✔ Wrote slipway.yaml: shop with a, b, c, e, f (from compose.yaml)
  ‖ d is left out: https://example.com/d.git is not a folder. Clone it, and say where.
  ‖ once is left out: it runs once and ends. Let f run it, under \`before\`.
  ‖ a: nothing in ./empty says what to run: give it a \`command\`, or a package.json with a script "start".
  ‖ a: its port 9:9/udp is not carried over: ports are single ones of TCP.
  ‖ b: it runs dist/index.js, which is not there: build it first, or say another \`command\`.
  ‖ c: SHOP/broken/package.json is not JSON.
  ‖ e: no variable can be called a.b.
  ‖ e: CACHE_HOST names a, which is no host name here: say its address.
  ‖ f: it runs dist/index.js, which is not there: build it first, or say another \`command\`.
  Next:  slipway deploy -f slipway.yaml
`,
    )
    assert.match(await shop.written(), /name: e\n {4}image: file:\.\n {4}env:/, 'npm stays out of it')
  })

  test('refuses a compose file of which nothing can run here', async t => {
    const shop = await folder(t, { 'compose.yaml': 'services: { db: { image: postgres } }\n' })
    const { code, err } = await shop.init()
    assert.equal(code, 2)
    assert.match(err, /^✖ compose\.yaml has nothing that can run here: db is left out: postgres comes from a registry/)
    await assert.rejects(shop.written(), { code: 'ENOENT' })
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
      `✔ Wrote slipway.yaml: my-shop with web-app (from compose.yaml)
  ‖ web_app is called web-app: names are of lower-case letters, digits and -.
  ‖ db is left out: postgres:\${PG-16} comes from a registry of containers, and what runs here is a folder (file:) or a package (npm:). Let it run as it does, and give the others its address.
  ‖ web_app: deploy.resources is not carried over.
  ‖ web_app: there is no folder ./web yet.
  ‖ web_app: it has to listen on the port that it finds in $PORT; on 3000 nobody asks it here.
  ‖ Not carried over: volumes.
  ‖ Who deploys it sets TOKEN, API: without, it is refused.
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
    replicas: 3
    grace_ms: 20000
    expose: true
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
