import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { stopProxy } from '../../src/index.ts'
import { root } from '../docs/markdown.ts'
import { processesOf } from '../support/processes.ts'
import { until } from '../support/until.ts'
import { cases } from './cases.ts'
import { type Calls, masked, seen, startUser, type User } from './world.ts'

/** A user whose servers have ended, and left no proxy behind, before their home is removed. */
async function startHost(t: TestContext): Promise<User> {
  const calls: Calls[] = []
  const user = await startUser({
    after: remove =>
      t.after(async () => {
        for (const call of calls) call.interrupt()
        await Promise.all(calls)
        for (const name of ['data', 'other']) await stopProxy(join(user.home, name))
        await (remove as () => unknown)()
      }),
  })
  const call: User['call'] = (...of) => {
    const made = user.call(...of)
    calls.push(made)
    return made
  }
  return { ...user, call }
}

/** The folder of a user's server. */
function folderOf({ home }: User): string {
  return join(home, 'data')
}

cases('up', {
  async happy(t) {
    const user = await startHost(t)
    const data = folderOf(user)
    const call = user.call(['up', '--data', data, '--port', '0'])
    await call.told('Ctrl-C ends it')
    assert.equal(
      masked(call.out).replaceAll(user.home, '~'),
      'Slipway listens at http://127.0.0.1:PORT\n' +
        '  traffic  http://127.0.0.1:PORT  by host name: INSTANCE.TENANT.localhost\n' +
        '  data     ~/data\n' +
        '  token    slip_SECRET  an operator’s, shown this once\n' +
        '  kept as context local in ~/.config/slipway/config.json\n',
    )
    assert.equal(statSync(join(user.home, '.config/slipway/config.json')).mode & 0o777, 0o600)
    assert.equal((await user.call('ps')).code, 0, 'the command is logged in')
    call.interrupt('SIGTERM')
    const { code, err } = await call
    assert.equal(code, 0, err)
    assert.match(
      err,
      /Replicas and the proxy serve on; go on with the same command, or end the proxy as well: {2}slipway down\n$/,
    )

    const again = user.call(['up', '--data', data, '--port', '0', '--json'])
    const told = await again.told('\n')
    const { token, data_dir } = JSON.parse(told) as { token?: string; data_dir: string }
    assert.deepEqual([token, data_dir], [undefined, data], 'a token is made once')
    again.interrupt()
    assert.equal((await again).code, 0)
    // Another server is in use meanwhile: it stays so.
    const config = join(user.home, '.config/slipway/config.json')
    writeFileSync(config, '{"current":"far","contexts":{"far":{"url":"https://far.example"}}}')
    const lost = user.call(['up', '--data', data, '--port', '0', '--new-token'])
    await lost.told('Ctrl-C ends it')
    assert.match(lost.out, /another one is in use; take it: {2}slipway context use local\n$/)
    lost.interrupt('SIGHUP')
    assert.equal((await lost).code, 0, 'a terminal that is closed ends it in order')
    const third = user.call(['up', '--data', data, '--port', '0', '--new-token', '--no-login', '--json'])
    assert.match((JSON.parse(await third.told('\n')) as { token: string }).token, /^slip_/)
    third.interrupt()
    assert.equal((await third).code, 0)
  },
  empty: { none: 'the happy case begins with an empty folder' },
  async refused(t) {
    const user = await startHost(t)
    const data = folderOf(user)
    const first = user.call(['up', '--data', data, '--port', '0', '--json'])
    const { url } = JSON.parse(await first.told('\n')) as { url: string }
    const held = await user.call(['up', '--data', data, '--port', '0'])
    assert.equal(held.code, 1)
    assert.match(held.err, /^✖ The data in .* is in use by process \d+: one process at a time holds it\./)
    const other = join(user.home, 'other')
    const taken = await user.call(['up', '--data', other, '--port', new URL(url).port])
    assert.equal(taken.code, 1)
    assert.match(taken.err, /Take another port, or end what listens there/)
    assert.deepEqual(processesOf(other), [], 'a first start that was refused leaves no proxy behind')
    const clear = await user.call(['up', '--data', other, '--host', '0.0.0.0', '--port', '0'])
    assert.equal(clear.code, 2)
    assert.match(clear.err, /tokens would travel in the clear/)
    const half = await user.call(['up', '--data', other, '--tls-cert', 'cert.pem'])
    assert.equal(half.code, 2)
    assert.match(half.err, /Give --tls-cert and --tls-key/)
    assert.equal((await user.call('up --port 70000')).code, 2)
    assert.equal((await user.call('up --log loud')).code, 2)
    const later = user.call(['up', '--data', other, '--port', '0', '--json'])
    assert.match((JSON.parse(await later.told('\n')) as { token: string }).token, /^slip_/, 'nobody has been told one')
    later.interrupt('SIGTERM')
    later.interrupt('SIGINT')
    const { code, err } = await later
    assert.deepEqual([code, later.left], [130, 130], 'a second signal does not wait')
    assert.equal(err, '')
    // The process of the test goes on, unlike that of a user: the data is let go of last.
    await until('the data is let go of', () => !existsSync(join(other, 'slipway.db.lock.pid')))
  },
  async failed(t) {
    const user = await startHost(t)
    writeFileSync(join(user.home, 'file'), '')
    const { code, err } = await user.call(['up', '--data', join(user.home, 'file', 'data'), '--port', '0'])
    assert.notEqual(code, 0)
    assert.match(err, /^✖ /)
    const oidc = await user.call(['up', '--data', folderOf(user), '--oidc', 'nowhere.yaml'])
    assert.equal(oidc.code, 2)
    assert.match(oidc.err, /nowhere\.yaml can't be read as a list of issuers/)
  },
  async interrupted(t) {
    // A process of its own: the command that people have, ended by the signal that their terminal sends.
    const user = await startHost(t)
    const data = folderOf(user)
    const child = spawn(process.execPath, [join(root, 'bin/slipway.js'), 'up', '--data', data, '--json'], {
      env: { PATH: process.env['PATH'], HOME: user.home, SLIPWAY_PORT: '0' },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    t.after(() => child.kill('SIGKILL'))
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
    const { url } = JSON.parse(line) as { url: string }
    assert.equal((await fetch(`${url}/healthz`)).status, 200)
    const exit = once(child, 'exit')
    child.kill('SIGINT')
    assert.deepEqual(await exit, [0, null])
    assert.match(readFileSync(join(user.home, '.config/slipway/config.json'), 'utf8'), /"local"/)
  },
})

cases('down', {
  async happy(t) {
    const user = await startHost(t)
    const data = folderOf(user)
    const call = user.call(['up', '--data', data, '--port', '0', '--json', '--no-login'])
    const { front_url } = JSON.parse(await call.told('\n')) as { front_url: string }
    call.interrupt()
    await call
    assert.equal((await fetch(front_url)).status, 404, 'the proxy serves on')
    assert.deepEqual(seen(await user.call(['down', '--data', data]), { [user.home]: '~' }), {
      code: 0,
      out: '',
      err: '✔ No proxy serves ~/data any more.\n  Replicas run on: the next `slipway up` takes them up.\n',
    })
    await assert.rejects(fetch(front_url))
  },
  async empty(t) {
    const user = await startHost(t)
    const called = await user.call(['down', '--data', join(user.home, 'nothing')])
    assert.deepEqual(seen(called, { [user.home]: '~' }), {
      code: 0,
      out: '',
      err: '✔ There is no data in ~/nothing, and so no proxy serves it.\n',
    })
  },
  async refused(t) {
    const user = await startHost(t)
    const data = folderOf(user)
    const call = user.call(['up', '--data', data, '--port', '0', '--json', '--no-login'])
    await call.told('\n')
    const { code, out, err } = await user.call(['down', '--data', data])
    const also = { [user.home]: '~', [String(process.pid)]: 'PID' }
    assert.deepEqual(seen({ code, out, err: err.replaceAll(/\bpid-\S+/g, 'X') }, also), {
      code: 1,
      out: '',
      err: `✖ The data in ~/data/slipway.db is in use by process PID: one process at a time holds it.
  Stop process PID, or point this one at data of its own.
  (unavailable)
`,
    })
  },
  async failed(t) {
    const user = await startHost(t)
    const data = folderOf(user)
    mkdirSync(data)
    writeFileSync(join(data, 'slipway.db'), 'this is no database, and long enough to be taken for one'.repeat(20))
    assert.deepEqual(seen(await user.call(['down', '--data', data]), { [user.home]: '~' }), {
      code: 1,
      out: '',
      err: `✖ The database file can't be used: file is not a database.
  Put a backup in its place, or point Slipway at another file.
  (unavailable)
`,
    })
  },
  interrupted: { none: 'it waits for nothing that takes long' },
})
