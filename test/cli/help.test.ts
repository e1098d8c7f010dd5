import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { everyCode } from '../../src/cli/codes.ts'
import { scripts } from '../../src/cli/completion/scripts.ts'
import { nodeFinding } from '../../src/cli/doctor/machine.ts'
import { clockFinding, versionFinding } from '../../src/cli/doctor/server.ts'
import { errorCodes } from '../../src/errors.ts'
import { root } from '../docs/markdown.ts'
import { startWorld, type World } from '../server/world.ts'
import { cases, startMute } from './cases.ts'
import { startUser, type User } from './world.ts'

const run = promisify(execFile)

describe('what helps', () => {
  let world: World
  const over: (() => unknown)[] = []
  before(async () => {
    world = await startWorld({ after: end => void over.push(end as () => unknown) })
  })
  after(async () => {
    for (const end of over.toReversed()) await end()
  })
  const userOf = async (t: TestContext): Promise<User> =>
    await startUser(t, { url: world.url, token: (await world.tenant()).token })

  cases('explain', {
    happy: async t => {
      const user = await startUser(t)
      assert.deepEqual(await user.call('explain Instance_Busy'), {
        code: 0,
        out: `instance_busy  (HTTP 409)

What  Another deployment of the instance runs or waits, and the caller asked not to queue.
Why   Another deployment of the instance runs, and the caller asked to be refused instead of
      waiting.
Do    Follow the other (slipway watch), wait for it (--queue), or replace it (--supersede).
`,
        err: '',
      })
      assert.equal((JSON.parse((await user.call('explain usage --json')).out) as { code: string }).code, 'usage')
    },
    empty: async t => {
      const user = await startUser(t)
      const { code, out, err } = await user.call('explain')
      assert.deepEqual({ code, err }, { code: 0, err: '' })
      assert.equal(out.split('\n').length, everyCode().length + 2, 'a heading, and a line for each')
    },
    refused: async t => {
      assert.deepEqual(await (await startUser(t)).call('explain instance_bsy'), {
        code: 5,
        out: '',
        err: '✖ There is no code "instance_bsy".\n  Did you mean instance_busy?\n  See all of them:  slipway explain\n  (not_found)\n',
      })
    },
    failed: { none: 'it asks nobody' },
    interrupted: { none: 'it waits for nothing' },
  })

  test('explain knows every code that the server or the command line tells', async () => {
    const known = new Set(everyCode().map(({ code }) => code))
    const told = new Set<string>(Object.keys(errorCodes))
    const folder = join(root, 'src/cli')
    for (const file of await readdir(folder, { recursive: true })) {
      if (!file.endsWith('.ts')) continue
      const text = await readFile(join(folder, file), 'utf8')
      for (const [, code = ''] of text.matchAll(/new Refusal\(\s*[\w.]+,\s*'(\w+)'/g)) told.add(code)
    }
    assert.ok(told.size > Object.keys(errorCodes).length + 20, 'they are found')
    assert.deepEqual(
      [...told].filter(code => !known.has(code)),
      [],
    )
  })

  cases('config', {
    happy: async t => {
      const user = await startUser(t, { url: 'http://127.0.0.1:7', token: 'slip_secret' })
      const file = join(user.home, '.config/slipway/config.json')
      const wide = (text: string): string => text.padEnd(file.length)
      assert.deepEqual(await user.call('config --sources --tenant acme', { env: { SLIPWAY_RETRIES: '2' } }), {
        code: 0,
        out: `NAME     ${wide('VALUE')}  FROM
url      ${wide('http://127.0.0.1:7')}  SLIPWAY_URL
token    ${wide('(set)')}  SLIPWAY_TOKEN
tenant   ${wide('acme')}  --tenant
retries  ${wide('2')}  SLIPWAY_RETRIES
file     ${file}  default
`,
        err: '',
      })
      const { out } = await user.call('config --json')
      assert.doesNotMatch(out, /slip_secret/)
      assert.deepEqual((JSON.parse(out) as { url: unknown }).url, {
        value: 'http://127.0.0.1:7',
        source: 'SLIPWAY_URL',
      })
    },
    empty: async t => {
      const user = await startUser(t)
      const { code, out, err } = await user.call('config')
      assert.deepEqual({ code, err }, { code: 0, err: 'Not logged in there:  slipway login\n' })
      assert.match(out, /^NAME +VALUE\nurl +http:\/\/127\.0\.0\.1:7420\nfile +\S+\n$/)
    },
    refused: async t => {
      const user = await startUser(t)
      const { code, err } = await user.call('config --url nowhere')
      assert.equal(code, 2)
      assert.match(err, /^✖ "nowhere" \(from --url\) is not the address of a server\.\n/)
    },
    failed: { none: 'it asks nobody' },
    interrupted: { none: 'it waits for nothing' },
  })

  cases('doctor', {
    happy: async t => {
      const user = await userOf(t)
      await mkdir(join(user.home, 'slipway-data'))
      const { code, out, err } = await user.call('doctor')
      assert.deepEqual({ code, err }, { code: 0, err: 'All is well.\n' }, out)
      assert.deepEqual(
        out.split('\n').map(line => line.slice(0, 10).trimEnd()),
        ['✔ node', '✔ contexts', '✔ data', '✔ server', '✔ tls', '✔ clock', '✔ parts', '✔ version', '✔ token', ''],
      )
      assert.match(out, /✔ token +ana, tenant \S+, may read, deploy, admin, until \d{4}-\d\d-\d\d\n$/)
      const findings = JSON.parse((await user.call('doctor --json')).out) as { ok: boolean }[]
      assert.ok(findings.every(({ ok }) => ok))
    },
    empty: async t => {
      const user = await startUser(t, { url: world.url })
      const { code, out, err } = await user.call('doctor')
      assert.deepEqual({ code, err }, { code: 1, err: 'One thing is wrong.\n' })
      assert.match(out, /✖ token +none for http:\S+\n +Log in: {2}slipway login\n$/)
    },
    refused: async t => {
      const user = await startUser(t, { url: world.url, token: 'slip_nonsense' })
      const file = join(user.home, 'config.json')
      await writeFile(file, '{"contexts":{}}')
      await chmod(file, 0o644)
      const { code, out, err } = await user.call('doctor', { env: { SLIPWAY_CONFIG: file } })
      assert.deepEqual({ code, err }, { code: 1, err: '2 things are wrong.\n' })
      assert.match(out, /✖ contexts +\S+ can be read by others \(mode 644\)\n +Close it: {2}chmod 600 \S+\n/)
      assert.match(out, /✖ token +refused: .* It comes from SLIPWAY_TOKEN\n/)
    },
    failed: async t => {
      const { url } = await startMute(t, 'hangs up')
      const user = await startUser(t, { url, token: 'slip_any' })
      const mute = await user.call('doctor')
      assert.equal(mute.code, 1)
      assert.match(
        mute.out,
        /✖ server +\S+ \(from SLIPWAY_URL\) can't be reached: other side closed\n +Another program listens there\./,
      )
      const other = createServer((_, response) => response.writeHead(200).end('hello'))
      await new Promise<void>(listening => other.listen(0, '127.0.0.1', listening))
      t.after(() => other.close())
      const at = `http://127.0.0.1:${(other.address() as AddressInfo).port}`
      assert.match((await user.call(`doctor --url ${at}`)).out, /✖ server .* is not Slipway: it does not answer JSON\n/)
    },
    interrupted: async t => {
      const mute = await startMute(t, 'holds on')
      const called = (await startUser(t, { url: mute.url, token: 'slip_any' })).call('doctor')
      await mute.asked
      called.interrupt()
      const { code, err } = await called
      assert.deepEqual({ code, err }, { code: 130, err: '✖ Interrupted: nothing was changed.\n  (interrupted)\n' })
    },
  })

  test('doctor tells an old Node, a server of another generation and a clock that is wrong', () => {
    assert.deepEqual(
      [nodeFinding('24.14.9').ok, nodeFinding('24.15.0').ok, nodeFinding('26.0.0').ok],
      [false, true, true],
    )
    assert.deepEqual(
      [versionFinding('0.1.7', '0.1.0').ok, versionFinding('0.2.0', '0.1.0').ok, versionFinding('1.9.0', '1.2.0').ok],
      [true, false, true],
    )
    const at = Date.parse('2026-11-24T12:00:00Z')
    const date = new Date(at).toUTCString()
    assert.ok(clockFinding(date, at, at + 900).ok)
    assert.match(clockFinding(date, at - 60_000, at - 60_000).found, /^1m behind/)
    assert.match(clockFinding(date, at + 61_000, at + 61_000).found, /^1m ahead of/)
  })

  cases('completion', {
    happy: async t => {
      const user = await startUser(t)
      for (const shell of ['bash', 'zsh', 'fish'] as const) {
        assert.deepEqual(await user.call(`completion ${shell}`), { code: 0, out: scripts[shell], err: '' })
      }
    },
    empty: async t => {
      const { code, err } = await (await startUser(t)).call('completion')
      assert.equal(code, 2)
      assert.match(err, /Missing required argument 'shell'/)
    },
    refused: async t => {
      const { code, err } = await (await startUser(t)).call('completion tcsh')
      assert.equal(code, 2)
      assert.match(err, /Allowed choices are bash, zsh, fish/)
    },
    failed: { none: 'it asks nobody' },
    interrupted: { none: 'it waits for nothing' },
  })

  test('completion scripts are of their shells, as far as these are here', async () => {
    for (const [shell, script] of Object.entries(scripts)) {
      const { error, status, stderr } = spawnSync(shell, ['-n'], { input: script, encoding: 'utf8' })
      if (error) assert.equal(script, await readFile(join(root, `test/cli/golden/completion.${shell}`), 'utf8'))
      else assert.deepEqual({ status, stderr }, { status: 0, stderr: '' }, shell)
    }
  })

  test('bash completes commands, options, choices and the names that the server has', async t => {
    const tenant = await world.tenant()
    await world.machine.slipway.as({ tenantId: tenant.id, subject: 'owner' }).instances.create({
      name: 'shop',
      services: [{ name: 'web', image: await world.machine.worker('1'), replicas: 1 }],
    })
    const user = await startUser(t, { url: world.url, token: tenant.token })
    const folder = await mkdtemp(join(tmpdir(), 'slipway-bash-'))
    t.after(() => rm(folder, { recursive: true, force: true }))
    await writeFile(
      join(folder, 'slipway'),
      `#!/bin/sh\nexec "${process.execPath}" "${join(root, 'bin/slipway.js')}" "$@"\n`,
      { mode: 0o755 },
    )
    const completed = async (...words: string[]): Promise<string[]> => {
      const line = words.map(word => `'${word}'`).join(' ')
      const script = `source <(slipway completion bash); COMP_WORDS=(slipway ${line}); COMP_CWORD=${words.length}; _slipway; printf '%s\\n' "\${COMPREPLY[@]}"`
      const { stdout } = await run('bash', ['-c', script], {
        env: { ...user.env, PATH: `${folder}:${process.env['PATH']}` },
        timeout: 60_000,
      })
      return stdout.split('\n').filter(text => text !== '')
    }
    const [words, options, choices, names] = await Promise.all([
      completed('comp'),
      completed('tokens', 'create', '--sc'),
      completed('webhooks', 'deliveries', '--state', 'd'),
      completed('deploy', 'sh'),
    ])
    assert.deepEqual([words, options, choices, names], [['completion'], ['--scope'], ['delivered'], ['shop']])
  })

  test('names are kept for a moment, closed to others, and a server that does not answer is waited for no longer than a Tab', async t => {
    const user = await userOf(t)
    let now = Date.now()
    const tab = async (url: string): Promise<string> =>
      (await user.call(['__complete', '--', 'deploy', 's'], { env: { SLIPWAY_URL: url }, now: () => now })).out
    const mute = await startMute(t, 'holds on')
    assert.equal(await tab(mute.url), '')
    const names = { kept: '' }
    const server = createServer((_, response) => {
      response.setHeader('content-type', 'application/json')
      response.end(
        JSON.stringify({ items: [{ id: 'inst_1', name: names.kept, tenant_id: 'acme', state: 'active' }], total: 1 }),
      )
    })
    await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    names.kept = 'shop'
    assert.equal(await tab(url), 'shop\tacme\n')
    names.kept = 'store'
    assert.equal(await tab(url), 'shop\tacme\n', 'fresh enough')
    now += 11_000
    assert.equal(await tab(url), 'store\tacme\n')
    await new Promise(closed => {
      server.close(closed)
      server.closeAllConnections()
    })
    now += 11_000
    assert.equal(await tab(url), 'store\tacme\n', 'better than nothing')
    now += 601_000
    assert.equal(await tab(url), '')
    const cache = join(user.home, '.cache/slipway')
    for (const file of await readdir(cache)) assert.equal((await stat(join(cache, file))).mode & 0o777, 0o600)
    assert.equal((await stat(cache)).mode & 0o777, 0o700)
  })
})
