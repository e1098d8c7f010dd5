import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { createServer } from 'node:tls'
import { errorsPage } from '../../scripts/errors-page.ts'
import { all } from '../../src/cli/commands/explain.ts'
import { certificateFinding } from '../../src/cli/doctor/certificate.ts'
import { nodeFinding } from '../../src/cli/doctor/command.ts'
import { roomFinding } from '../../src/cli/doctor/data-folder.ts'
import { type Finding, good } from '../../src/cli/doctor/finding.ts'
import { filesFinding, memoryFinding, tasksFinding } from '../../src/cli/doctor/limits.ts'
import { portsFinding } from '../../src/cli/doctor/ports.ts'
import { versionFinding } from '../../src/cli/doctor/versions.ts'
import { advice, ownCodes } from '../../src/cli/explanations.ts'
import { ownReasons, reasons } from '../../src/cli/reasons.ts'
import { errorCodes } from '../../src/errors.ts'
import { textOf } from '../docs/markdown.ts'
import { type Customer, startWorld, type World } from '../server/world.ts'
import { cases, interrupted } from './cases.ts'
import { cert, key } from './certificate.ts'
import { type Calling, masked, seen, startUser, type User } from './world.ts'

const over: (() => unknown)[] = []
let world: World
let customer: Customer
before(async () => {
  world = await startWorld({ after: end => void over.push(end as () => unknown) })
  customer = await world.tenant()
})
after(async () => {
  for (const end of over.toReversed()) await end()
})

cases('explain', {
  async happy(t) {
    const user = await startUser(t)
    assert.deepEqual(await user.call('explain crash_loop'), {
      code: 0,
      out: `crash_loop  (HTTP 500)\n  ${errorCodes.crash_loop.meaning}\n  Why:   ${reasons.crash_loop}\n  Next:  ${advice.crash_loop}\n`,
      err: '',
    })
    const own = await user.call('explain not_logged_in --json')
    assert.deepEqual(JSON.parse(own.out), {
      code: 'not_logged_in',
      ...ownCodes['not_logged_in'],
      why: ownReasons['not_logged_in'],
    })
  },
  async empty(t) {
    const user = await startUser(t)
    const { out } = await user.call('explain --json')
    const codes = (JSON.parse(out) as { code: string }[]).map(({ code }) => code)
    assert.deepEqual(codes, [...Object.keys(errorCodes), ...Object.keys(ownCodes)])
  },
  async refused(t) {
    const user = await startUser(t)
    assert.deepEqual(await user.call('explain crashloop'), {
      code: 5,
      out: '',
      err: '✖ There is no code "crashloop".\n  Did you mean crash_loop?\n  All of them:  slipway explain\n  (unknown_code)\n',
    })
  },
  failed: { none: 'it asks nobody' },
  interrupted: { none: 'it asks nobody' },
})

cases('config', {
  async happy(t) {
    const user = await startUser(t, { url: world.url, token: customer.token })
    await writeFile(join(user.home, 'slipway.yaml'), '')
    const all = await user.call('config --sources --tenant acme')
    // Columns are as wide as where the home is.
    assert.deepEqual(seen({ ...all, out: all.out.replaceAll(/ {3,}/g, '  ') }, { [user.home]: '~' }), {
      code: 0,
      out: `NAME  VALUE  FROM
context  -  -
url  http://127.0.0.1:#####  SLIPWAY_URL
token  (set)  SLIPWAY_TOKEN
tenant  acme  --tenant
contexts  ~/.config/slipway/config.json  default
project  ~/slipway.yaml  found from the folder one is in
`,
      err: '',
    })
    const values = await user.call('config')
    assert.equal(values.out.split('\n')[0], 'NAME      VALUE')
    assert.ok(!(await user.call('config --json')).out.includes(customer.token))
  },
  async empty(t) {
    const user = await startUser(t)
    assert.deepEqual(seen(await user.call('config'), { [user.home]: '~' }), {
      code: 0,
      out: `NAME      VALUE
context   -
url       http://127.0.0.1:####
token     -
tenant    -
contexts  ~/.config/slipway/config.json
project   -
`,
      err: '',
    })
    const { out } = await user.call('config --json')
    assert.deepEqual(Object.keys(JSON.parse(out) as object), ['url', 'contexts'])
  },
  async refused(t) {
    const user = await startUser(t)
    assert.deepEqual(await user.call('config --context nowhere'), {
      code: 2,
      out: '',
      err: `✖ There is no context "nowhere" (from --context).
  Make one:  slipway login --url URL
  (unknown_context)
`,
    })
  },
  async failed(t) {
    const user = await startUser(t)
    await mkdir(join(user.home, '.config/slipway'), { recursive: true })
    await writeFile(join(user.home, '.config/slipway/config.json'), '{"contexts":{"near":{"url":7}}}')
    assert.deepEqual(seen(await user.call('config'), { [user.home]: '~' }), {
      code: 2,
      out: '',
      err: `✖ ~/.config/slipway/config.json is not a configuration of Slipway.
  Mend it, or remove it and log in again:  slipway login
  (config_malformed)
`,
    })
  },
  interrupted: { none: 'it asks nobody' },
})

cases('doctor', {
  async happy(t) {
    const user = await startUser(t, { url: world.url, token: customer.token })
    const { code, out, err } = await user.call('doctor')
    assert.deepEqual({ code, err }, { code: 0, err: '' }, out)
    // What comes after is of this machine, and another one on each.
    const [said = '', here = ''] = out.split(/(?=^\S ports)/m)
    assert.deepEqual(
      masked(said)
        .replaceAll(user.home, '~')
        .replaceAll(/\d+\.\d+\.\d+(?![\d.]*:)/g, 'N')
        .replaceAll(/until [\d-]+/g, 'until DATE'),
      `✔ command   slipway N on Node N
✔ contexts  ~/.config/slipway/config.json is not there yet
✔ server    http://127.0.0.1:PORT answers (SLIPWAY_URL)
✔ parts     all answer
✔ api       version 1, as this command speaks it
✔ clock     this clock and the server’s agree
✔ token     ana, tenant ${customer.id} (read, deploy, admin)
✔ version   the server is N, as this command is
✔ expiry    good until DATE
`,
    )
    assert.match(here, /^✔ ports {5}services \d+ to \d+, replicas \d+ to \d+; outgoing connections \d+ to \d+$/m)
  },
  async empty(t) {
    const user = await startUser(t, { url: world.url })
    const { code, out } = await user.call('doctor')
    assert.equal(code, 1)
    assert.match(
      out,
      /✖ token {5}there is none for this server\n +Whatever it is asked, it has to know who asks\.\n +slipway login\n/,
    )
  },
  async refused(t) {
    const user = await startUser(t, { url: world.url, token: 'slip_wrong' })
    const file = join(user.home, '.config/slipway/config.json')
    await mkdir(join(user.home, '.config/slipway'), { recursive: true })
    await writeFile(file, '{"contexts":{}}')
    await chmod(file, 0o644)
    const { code, out } = await user.call('doctor --json', { now: () => Date.now() + 3_600_000 })
    assert.equal(code, 1)
    const wrong = (JSON.parse(out) as { what: string; ok: boolean; why?: string; next?: string }[]).filter(
      ({ ok }) => !ok,
    )
    assert.deepEqual(
      wrong.map(({ what }) => what),
      ['contexts', 'clock', 'token'],
    )
    assert.ok(
      wrong.every(({ why, next }) => why !== undefined && next !== undefined),
      'each says why, and what to do',
    )
  },
  async failed(t) {
    const user = await startUser(t, { url: 'http://127.0.0.1:1', token: 'slip_any' })
    const { code, out } = await user.call('doctor')
    assert.equal(code, 1)
    assert.match(
      out,
      /✖ server {4}http:\/\/127\.0\.0\.1:1 \(SLIPWAY_URL\) can't be reached: .*\n +Nobody listens there.*\n +Start one here: {2}slipway up/,
    )
  },
  async interrupted(t) {
    const { code, err } = await interrupted(t, 'doctor')
    assert.equal(code, 130)
    assert.match(err, /nothing was changed/)
  },
})

describe('slipway doctor', () => {
  /** What it says of this, as programs read it. */
  async function told(user: User, line: string, what: string, calling?: Calling): Promise<Finding[]> {
    const { out } = await user.call(`doctor --json ${line}`, calling)
    return (JSON.parse(out) as Finding[]).filter(finding => finding.what === what)
  }

  test('looks at a data folder: whose it is, who can read it, and its room', async t => {
    const user = await startUser(t, { url: world.url, token: customer.token })
    const folder = join(user.home, 'slipway-data')
    await mkdir(folder, { mode: 0o700 })
    assert.deepEqual(await told(user, '', 'data'), [good('data', folder)], 'the usual one is found')
    assert.match(
      (await told(user, '', 'room'))[0]?.text ?? '',
      /^\S+ \wB are free there; 67\.1 MB are kept for what runs$/,
    )
    await chmod(folder, 0o755)
    const [open] = await told(user, `--data ${folder}`, 'data')
    assert.equal(open?.ok, false)
    assert.equal(open?.text, `${folder} is open to others (mode 755)`)
    assert.equal(open?.next, `chmod 700 ${folder}`)
    const [none] = await told(user, '--data nowhere', 'data')
    assert.equal(none?.text, `${join(user.home, 'nowhere')} is not there`)
    assert.equal(none?.next, `Make it by starting one:  slipway up --data ${join(user.home, 'nowhere')}`)
  })

  test('in a job of GitHub says that it logs in by OIDC, and not that a token is missing', async t => {
    const user = await startUser(t, { url: world.url })
    const env = { ACTIONS_ID_TOKEN_REQUEST_URL: 'http://127.0.0.1:1/', ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'x' }
    const [found] = await told(user, '', 'token', { env })
    assert.equal(found?.ok, false)
    assert.match(found?.text ?? '', /^GitHub could not be asked who this job is/)
    assert.match(found?.why ?? '', /by OIDC/)
  })

  test('warns of plain http to another machine, and of nothing else there', async t => {
    const user = await startUser(t, { url: 'http://slipway.invalid:1', token: 'slip_any' })
    const { code, out } = await user.call('doctor')
    assert.equal(code, 1)
    assert.match(out, /‖ transport slipway\.invalid:1 is asked over plain http\n +Whoever is on the way/)
    assert.match(out, /✖ server {4}http:\/\/slipway\.invalid:1 /)
    assert.doesNotMatch(out, /ports|files/)
  })

  test('reads the end of a certificate over TLS, and warns two weeks before', async t => {
    const day = 86_400_000
    assert.equal(certificateFinding(15 * day, 0).level, 'good')
    assert.equal(certificateFinding(13 * day, 0).level, 'warning')
    assert.equal(certificateFinding(0, 1).level, 'bad')
    const server = createServer({ key, cert }, socket => void socket.on('error', error => void error)) // because who looks hangs up
    await new Promise<void>(listens => server.listen(0, '127.0.0.1', listens))
    t.after(() => server.close())
    const { port } = server.address() as AddressInfo
    const end = Date.parse(new X509Certificate(cert).validTo)
    const user = await startUser(t, { url: `https://127.0.0.1:${port}`, token: 'slip_any' })
    const [found] = await told(user, '', 'tls', { now: () => end - 13 * day })
    assert.equal(found?.text, `good until ${new Date(end).toISOString().slice(0, 10)}`)
    assert.equal(found?.level, 'warning')
  })

  test('says of limits and versions what they mean', () => {
    assert.equal(nodeFinding('24.9.0', '24.15').ok, false)
    assert.equal(nodeFinding('24.15.0', '24.15').ok, true)
    assert.equal(versionFinding('0.2.0', '0.1.0').level, 'warning')
    assert.deepEqual(
      filesFinding('Max open files            1024                 4096                 files')[0]?.level,
      'warning',
    )
    assert.deepEqual(
      filesFinding('Max open files            1024                 unlimited            files')[0]?.level,
      'good',
    )
    assert.deepEqual(tasksFinding('max\n'), [])
    assert.equal(tasksFinding('512\n')[0]?.level, 'warning')
    assert.equal(memoryFinding('268435456\n')[0]?.level, 'warning')
    assert.equal(roomFinding('/x', 1, 2).level, 'bad')
    assert.equal(roomFinding('/x', 3, 2).level, 'warning')
    assert.equal(portsFinding([32_768, 60_999], { services: [20_000, 29_999], replicas: [30_000, 32_700] }).ok, true)
    const met = portsFinding([15_000, 60_999], { services: [20_000, 29_999] })
    assert.equal(met.ok, false)
    assert.match(met.next ?? '', /^sysctl -w net\.ipv4\.ip_local_port_range=/)
  })
})

test('every code has a meaning, a reason and an advice, no two texts are the same, and docs/errors.md has them all', () => {
  const texts = all().flatMap(({ code, meaning, why, next }) => [meaning, why, next].map(text => ({ code, text })))
  assert.equal(texts.length, 3 * (Object.keys(errorCodes).length + Object.keys(ownCodes).length))
  const seen = new Set<string>()
  for (const { code, text } of texts) {
    assert.ok(text.length > 10, `${code} has all three`)
    assert.ok(!seen.has(text), `${code} says what another one says: ${text}`)
    seen.add(text)
  }
  assert.deepEqual(
    Object.keys(ownReasons).toSorted(),
    Object.keys(ownCodes).toSorted(),
    'no reason is of a code that is gone',
  )
  assert.ok(errorsPage() === textOf('docs/errors.md'), 'run `npm run docs:errors`')
})

test('every code that the command line makes itself is explained', async () => {
  const { readdirSync, readFileSync } = await import('node:fs')
  const { root } = await import('../docs/markdown.ts')
  const files = readdirSync(join(root, 'src/cli'), { recursive: true, encoding: 'utf8' }).filter(name =>
    name.endsWith('.ts'),
  )
  const made = files.flatMap(name => {
    const text = readFileSync(join(root, 'src/cli', name), 'utf8')
    return [...text.matchAll(/new Refusal\(\s*exit\.\w+,\s*'(\w+)'/g)].map(([, code = '']) => code)
  })
  const known = new Set([...Object.keys(errorCodes), ...Object.keys(ownCodes)])
  assert.deepEqual(
    [...new Set(made)].filter(code => !known.has(code)),
    [],
  )
})
