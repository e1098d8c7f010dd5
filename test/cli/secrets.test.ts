import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, type TestContext } from 'node:test'
import { startWorld, type World } from '../server/world.ts'
import { cases, failsAt, stopsAt } from './cases.ts'
import { startUser, type User } from './world.ts'

describe('secrets', () => {
  let world: World
  const over: (() => unknown)[] = []
  before(async () => {
    world = await startWorld({ after: end => void over.push(end as () => unknown) })
  })
  after(async () => {
    for (const end of over.toReversed()) await end()
  })
  const userOf = async (t: TestContext, scopes?: ('read' | 'deploy' | 'admin')[]): Promise<User> => {
    const tenant = await world.tenant()
    const token = scopes ? (await tenant.issue({ name: 'bo', scopes })).secret : tenant.token
    return await startUser(t, { url: world.url, token })
  }
  const forbidden = (line: string) => async (t: TestContext) => {
    const user = await userOf(t, ['read'])
    const { code, out, err } = await user.call(line, { stdin: 's3cret' })
    assert.deepEqual({ code, out }, { code: 4, out: '' })
    assert.match(err, /^✖ .*\n(?: {2}.*\n)* {2}\(forbidden, req_\w+\)\n$/)
  }

  cases('secrets list', {
    happy: async t => {
      const user = await userOf(t)
      await user.call('secrets set KEY', { stdin: 'one' })
      await user.call('secrets rotate KEY', { stdin: 'two' })
      const { code, out, err } = await user.call('secrets list', { now: () => Date.now() + 120_000 })
      assert.deepEqual(
        { code, out, err },
        { code: 0, out: 'NAME  VERSION  KEPT  CHANGED\nKEY   2        2     2m\n', err: '' },
      )
      const json = JSON.parse((await user.call('secrets list --json')).out) as { name: string; version: number }[]
      assert.deepEqual(
        json.map(({ name, version }) => [name, version]),
        [['KEY', 2]],
      )
    },
    empty: async t => {
      const user = await userOf(t)
      assert.deepEqual(await user.call('secrets list'), {
        code: 0,
        out: '',
        err: 'No secrets yet. Keep one:  slipway secrets set NAME\n',
      })
      assert.deepEqual(await user.call('secrets list --json'), { code: 0, out: '[]\n', err: '' })
    },
    refused: async t => {
      const user = await startUser(t, { url: world.url, token: 'slip_nonsense' })
      assert.equal((await user.call('secrets list')).code, 4)
    },
    failed: failsAt('secrets list', 'GET /v1/secrets', { stdin: 's3cret' }),
    interrupted: stopsAt('secrets list', undefined, { stdin: 's3cret' }),
  })

  cases('secrets set', {
    happy: async t => {
      const user = await userOf(t)
      await writeFile(join(user.home, 'key.pem'), 'of a file\n')
      assert.deepEqual(await user.call('secrets set KEY --file key.pem'), {
        code: 0,
        out: '',
        err: '✔ KEY is kept. A service takes it as:  secrets: { KEY: KEY }\n',
      })
      const typing = user.call('secrets set TYPED', { terminal: {} })
      await typing.told('Value (not shown):')
      typing.type('s3cret\r')
      const { code, out, err } = await typing
      assert.equal(code, 0, err)
      assert.doesNotMatch(out + err, /s3cret/)
    },
    empty: async t => {
      const user = await userOf(t)
      assert.deepEqual(await user.call('secrets set KEY', { stdin: '\n' }), {
        code: 2,
        out: '',
        err: '✖ The value is empty.\n  Pipe it in, or name a file that holds it:  --file FILE\n  (empty_value)\n',
      })
    },
    refused: async t => {
      const user = await userOf(t)
      await user.call('secrets set KEY', { stdin: 'one' })
      const again = await user.call('secrets set KEY', { stdin: 'two' })
      assert.equal(again.code, 6)
      assert.match(again.err, /The tenant has a secret "KEY" already/)
      const spoken = await user.call('secrets set OTHER s3cret')
      assert.equal(spoken.code, 2)
      assert.doesNotMatch(spoken.out + spoken.err, /s3cret/)
      const { code, err } = await user.call('secrets set OTHER --file none')
      assert.equal(code, 2)
      assert.match(err, /none can't be read: ENOENT/)
      await writeFile(join(user.home, 'binary'), Buffer.from([0xff, 0xfe]))
      assert.match((await user.call('secrets set OTHER --file binary')).err, /is not text \(UTF-8\)/)
    },
    failed: failsAt('secrets set KEY', 'POST /v1/secrets', { stdin: 's3cret' }),
    interrupted: stopsAt('secrets set KEY', 'Look:  slipway secrets list', { stdin: 's3cret' }),
  })

  cases('secrets rotate', {
    happy: async t => {
      const user = await userOf(t)
      await user.call('secrets set KEY', { stdin: 'one' })
      assert.deepEqual(await user.call('secrets rotate KEY', { stdin: 'two' }), {
        code: 0,
        out: '',
        err: '✔ KEY has version 2.\n  What runs keeps the version it has; the next deploy that names the service takes the new one.\n',
      })
    },
    empty: async t => {
      const user = await userOf(t)
      assert.equal((await user.call('secrets rotate KEY', { stdin: 'two' })).code, 5)
    },
    refused: forbidden('secrets rotate KEY'),
    failed: failsAt('secrets rotate KEY', 'POST /v1/secrets/KEY/rotate', { stdin: 's3cret' }),
    interrupted: stopsAt('secrets rotate KEY', 'Look:  slipway secrets list', { stdin: 's3cret' }),
  })

  cases('secrets revoke', {
    happy: async t => {
      const user = await userOf(t)
      await user.call('secrets set KEY', { stdin: 'one' })
      await user.call('secrets rotate KEY', { stdin: 'two' })
      assert.deepEqual(await user.call('secrets revoke KEY 1 --confirm-name KEY'), {
        code: 0,
        out: '',
        err: '✔ Version 1 of KEY is destroyed.\n',
      })
    },
    empty: async t => {
      const user = await userOf(t)
      const { code } = await user.call('secrets revoke KEY 1 --confirm-name KEY')
      assert.equal(code, 5)
    },
    refused: async t => {
      const user = await userOf(t)
      assert.deepEqual(await user.call('secrets revoke KEY 1'), {
        code: 2,
        out: '',
        err: "✖ Version 1 of KEY is destroyed for good, and releases that need it can't be restored. That is asked for, and there is no terminal.\n  Say it with the command:  --confirm-name KEY\n  (not_confirmed)\n",
      })
      assert.equal((await user.call('secrets revoke KEY one')).code, 2)
    },
    failed: failsAt('secrets revoke KEY 1 --confirm-name KEY', 'POST /v1/secrets/KEY/versions/1/revoke', {
      stdin: 's3cret',
    }),
    interrupted: stopsAt('secrets revoke KEY 1 --confirm-name KEY', 'Look:  slipway secrets list', { stdin: 's3cret' }),
  })

  cases('secrets delete', {
    happy: async t => {
      const user = await userOf(t)
      await user.call('secrets set KEY', { stdin: 'one' })
      const called = user.call('secrets delete KEY', { terminal: { columns: 200 } })
      await called.told('Type KEY to confirm:')
      called.type('KEY\r')
      const { code, err } = await called
      assert.equal(code, 0, err)
      assert.match(err, /✔.* KEY is destroyed\.\n$/)
      assert.equal((await user.call('secrets list --json')).out, '[]\n')
    },
    empty: async t => {
      const user = await userOf(t)
      assert.equal((await user.call('secrets delete KEY --confirm-name KEY')).code, 5)
    },
    refused: async t => {
      const user = await userOf(t)
      await user.call('secrets set KEY', { stdin: 'one' })
      const { code, err } = await user.call('secrets delete KEY --confirm-name KAY')
      assert.deepEqual({ code, err }, { code: 2, err: '✖ "KAY" is not KEY: nothing was changed.\n  (not_confirmed)\n' })
      const asked = user.call('secrets delete KEY', { terminal: { columns: 200 } })
      await asked.told('Type KEY to confirm:')
      asked.type('\u0003')
      assert.equal((await asked).code, 130)
      assert.notEqual((await user.call('secrets list --json')).out, '[]\n')
    },
    failed: failsAt('secrets delete KEY --confirm-name KEY', 'GET /v1/secrets/KEY', { stdin: 's3cret' }),
    interrupted: stopsAt('secrets delete KEY --confirm-name KEY', undefined, { stdin: 's3cret' }),
  })
})
