import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { createClient } from '../../src/client/index.ts'
import { stopProxy } from '../../src/index.ts'
import { blocksOf, root, textOf } from './markdown.ts'

const run = promisify(execFile)
const [get, serve, describeApp, release, change, promote, back] = blocksOf(textOf('docs/quickstart.md'))
  .filter(({ language }) => language === 'sh')
  .map(({ code }) => code)

/** A stranger's app of two services, as they have it: nothing in it was made for Slipway but the two variables that are asked for. */
async function writeApp(folder: string, greeting: string): Promise<void> {
  const program = (body: string): string =>
    `const http = require('node:http')\nhttp.createServer(async (request, response) => {\n  ${body}\n}).listen(process.env.PORT)\n`
  const files: Readonly<Record<string, string>> = {
    'compose.yaml': `services:
  web:
    build: ./web
    ports: ["8080:80"]
    depends_on: [api]
  api:
    build: ./api
    expose: ["80"]
`,
    'web/package.json': '{ "name": "web", "version": "1.0.0", "main": "server.js" }',
    'web/server.js': program(
      `http.get(process.env.URL_API, answer => answer.pipe(response)).on('error', () => response.writeHead(502).end())`,
    ),
    'api/package.json': '{ "name": "api", "version": "1.0.0", "main": "server.js" }',
    'api/server.js': program(`response.end(${JSON.stringify(greeting)})`),
  }
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(folder, name, '..'), { recursive: true })
    await writeFile(join(folder, name), text)
  }
}

test('a stranger releases an app of two services by what the quickstart says and nothing else: first, by canary, and back', async t => {
  const home = await mkdtemp(join(tmpdir(), 'slipway-quickstart-'))
  const app = join(home, 'greeter')
  await writeApp(app, 'hello from 1')
  // As printed, each in a shell that stands where the one before left off; only the port is another than the usual one.
  const env = { ...process.env, HOME: home, APP: app, INSTANCE: 'greeter', SLIPWAY_PORT: '0', TERM: 'dumb' }
  const sh = async (cwd: string, ...code: (string | undefined)[]) =>
    await run('bash', ['-ec', [`cd ${root}`, get, `cd ${cwd}`, ...code].join('\n')], { env, timeout: 120_000 })

  const server = spawn('bash', ['-ec', [`cd ${root}`, get, `cd ${home}`, `exec ${serve?.trim()}`].join('\n')], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.after(async () => {
    server.kill('SIGKILL')
    await stopProxy(join(home, 'slipway'))
    await rm(home, { recursive: true, force: true })
  })
  let told = ''
  await new Promise<void>((resolve, reject) => {
    const hear = (chunk: Buffer): void => {
      told += String(chunk)
      if (told.includes('Ctrl-C ends it')) resolve()
    }
    server.stdout.on('data', hear)
    server.stderr.on('data', hear)
    server.once('exit', () => reject(new Error(told)))
  })
  const url = /listens at (\S+)/.exec(told)?.[1] ?? ''
  const token = /slip_\w+/.exec(told)?.[0] ?? ''
  const client = createClient({ url, token })

  await sh(home, describeApp)
  const { stdout } = await sh(app, release)
  assert.match(stdout, /greeter +v1/)
  const [instance] = (await client.instances.list({}, { tenant: '*' }).page()).items
  const address = instance?.urls['web'] ?? ''
  const answer = async (): Promise<string> => await (await fetch(address)).text()
  assert.equal(await answer(), 'hello from 1')

  await writeApp(app, 'hello from 2')
  const waiting = await sh(app, `set +e\n${change}\necho "ended with $?"`)
  assert.match(waiting.stdout, /ended with 9\n$/)
  await sh(app, promote)
  assert.equal(await answer(), 'hello from 2')
  const { stdout: releases } = await sh(app, back)
  assert.equal(await answer(), 'hello from 1')
  assert.match(releases, /v2.*\n.*v1|v1[\s\S]*v2/)

  for await (const { id, name, tenant_id } of client.instances.list({}, { tenant: '*' })) {
    const { last_event_id, id: deployment } = await client.instances.delete(
      await client.instances.get(id, { tenant: tenant_id }),
      name,
      { tenant: tenant_id },
    )
    await client.deployments.finished({ id: deployment, last_event_id }, { tenant: tenant_id })
  }
})
