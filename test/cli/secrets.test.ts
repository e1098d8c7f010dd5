import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, type TestContext } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { startWorld, type World } from '../server/world.ts'
import { cases, failsAt, stopsAt, stopsAtChange } from './cases.ts'
import { later, seen, startUser, type User } from './world.ts'

const piped = { stdin: 's3cret' }

describe('secrets', () => {
  let world: World
  let reader: User
  const over: (() => unknown)[] = []
  before(async () => {
    const t = { after: (end: unknown) => void over.push(end as () => unknown) }
    world = await startWorld(t)
    const { issue } = await world.tenant()
    reader = await startUser(t, { url: world.url, token: (await issue({ name: 'bo', scopes: ['read'] })).secret })
  })
  after(async () => {
    for (const end of over.toReversed()) await end()
  })
  const userOf = async (t: TestContext): Promise<User> =>
    await startUser(t, { url: world.url, token: (await world.tenant()).token })
  /** A user with the secret KEY. */
  const keeper = async (t: TestContext): Promise<User> => {
    const user = await userOf(t)
    assert.equal((await user.call('secrets set KEY', { stdin: 'one' })).code, 0)
    return user
  }
  const versions = async (user: User): Promise<unknown> =>
    (
      JSON.parse((await user.call('secrets list --json')).out) as {
        versions: { version: number; revoked_at?: string }[]
      }[]
    ).map(({ versions }) => versions.map(({ version, revoked_at }) => (revoked_at === undefined ? version : 'revoked')))

  cases('secrets list', {
    happy: async t => {
      const user = await keeper(t)
      await user.call('secrets rotate KEY', { stdin: 'two' })
      await user.call('secrets rotate KEY', { stdin: 'three' })
      await user.call('secrets revoke KEY 1 --confirm-name KEY')
      await user.call('secrets set DATABASE_PASSWORD', { stdin: 'one' })
      assert.deepEqual(await user.call('secrets list', later), {
        code: 0,
        out: `NAME               VERSION  KEPT  CHANGED
DATABASE_PASSWORD  1        1     1h
KEY                3        2     1h
`,
        err: '',
      })
      const json = JSON.parse((await user.call('secrets ls --json')).out) as { name: string; version: number }[]
      assert.deepEqual(
        json.map(({ name, version }) => [name, version]),
        [
          ['DATABASE_PASSWORD', 1],
          ['KEY', 3],
        ],
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
      assert.deepEqual(seen(await user.call('secrets list')), {
        code: 4,
        out: '',
        err: `✖ The token is not one of ours: its form or its checksum is wrong.
  Send a valid token as \`Authorization: Bearer slip_…\`.
  Log in:  slipway login
  (unauthenticated, req_1)
`,
      })
    },
    failed: failsAt('secrets list', 'GET /v1/secrets'),
    interrupted: stopsAt('secrets list'),
  })

  cases('secrets set', {
    happy: async t => {
      const user = await userOf(t)
      await writeFile(join(user.home, 'key.pem'), 'of a file\n')
      assert.deepEqual(await user.call('secrets set KEY --file key.pem'), {
        code: 0,
        out: '',
        err: '✔ KEY is kept.\n  A service takes it as:  secrets: { KEY: KEY }\n',
      })
      const typing = user.call('secrets set TYPED', { terminal: {} })
      await typing.told('Value (not shown):')
      typing.type('s3cret\r')
      const { code, out, err } = await typing
      assert.equal(code, 0, err)
      assert.doesNotMatch(out + err, /s3cret/)
      const { out: json } = await user.call('secrets set PIPED --json', piped)
      assert.equal((JSON.parse(json) as { name: string }).name, 'PIPED')
      assert.doesNotMatch(json, /s3cret/)
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
      const user = await keeper(t)
      assert.deepEqual(seen(await user.call('secrets set KEY', piped)), {
        code: 6,
        out: '',
        err: `✖ The tenant has a secret "KEY" already.
  Rotate it to give it a new value.
  (already_exists, req_1)
`,
      })
      assert.deepEqual(await user.call('secrets set OTHER s3cret'), {
        code: 2,
        out: '',
        err: `✖ Too many arguments for 'set'. Expected 1 argument but got 2.
  See:  slipway secrets set --help
  (usage)
`,
      })
      assert.deepEqual(seen(await user.call('secrets set OTHER --file none'), { [user.home]: '~' }), {
        code: 2,
        out: '',
        err: `✖ ~/none can't be read: ENOENT: no such file or directory.
  Name another one:  --file FILE
  (file_unreadable)
`,
      })
      await writeFile(join(user.home, 'binary'), Buffer.from([0xff, 0xfe]))
      assert.deepEqual(await user.call('secrets set OTHER --file binary'), {
        code: 2,
        out: '',
        err: `✖ The value is not text (UTF-8).
  Encode it first:  base64 FILE | slipway secrets set NAME
  (not_text)
`,
      })
      assert.deepEqual(seen(await user.call('secrets set other.name', piped)), {
        code: 0,
        out: '',
        err: `✔ other.name is kept.
  A service takes it as:  secrets: { OTHER_NAME: other.name }
`,
      })
      assert.deepEqual(seen(await user.call('secrets set OTHER', { stdin: 'x'.repeat(2 ** 20) })), {
        code: 2,
        out: '',
        err: `✖ The body is larger than 1048576 bytes.
  Send less at once.
  (body_too_large, req_1)
`,
      })
    },
    failed: failsAt('secrets set KEY', 'POST /v1/secrets', piped),
    interrupted: async t => {
      await stopsAt('secrets set KEY', 'Look:  slipway secrets list', piped)(t)
      // At the prompt, and while nothing comes through the pipe: nothing was asked of anybody.
      const user = await userOf(t)
      const typing = user.call('secrets set KEY', { terminal: {} })
      await typing.told('Value (not shown):')
      typing.type('\u0003')
      const { code, err } = await typing
      assert.equal(code, 130)
      assert.match(stripVTControlCharacters(err), /\n✖ Interrupted: nothing was changed\.\n {2}\(interrupted\)\n$/)
      assert.equal((await user.call('secrets list --json')).out, '[]\n')
    },
  })

  cases('secrets rotate', {
    happy: async t => {
      const user = await keeper(t)
      assert.deepEqual(await user.call('secrets rotate KEY', { stdin: 'two' }), {
        code: 0,
        out: '',
        err: `✔ KEY has version 2.
  What runs keeps the version it has; the next deploy that names the service takes the new one.
`,
      })
      const { out } = await user.call('secrets rotate KEY --json', { stdin: 'three' })
      assert.equal((JSON.parse(out) as { version: number }).version, 3)
    },
    empty: async t => {
      const user = await userOf(t)
      assert.deepEqual(seen(await user.call('secrets rotate KEY', { stdin: 'two' })), {
        code: 5,
        out: '',
        err: `✖ There is no secret "KEY".
  See them:  slipway secrets list
  (not_found, req_1)
`,
      })
    },
    refused: async () => {
      assert.deepEqual(seen(await reader.call('secrets rotate KEY', piped)), {
        code: 4,
        out: '',
        err: `✖ "bo" may not do secret.write: that takes the scope "admin".
  Its scopes are: read.
  As somebody who may:  --context NAME, or slipway login
  (forbidden, req_1)
`,
      })
    },
    failed: failsAt('secrets rotate KEY', 'POST /v1/secrets/KEY/rotate', piped),
    interrupted: stopsAt('secrets rotate KEY', 'Look:  slipway secrets list', piped),
  })

  cases('secrets revoke', {
    happy: async t => {
      const user = await keeper(t)
      await user.call('secrets rotate KEY', { stdin: 'two' })
      assert.deepEqual(await user.call('secrets revoke KEY 1 --confirm-name KEY'), {
        code: 0,
        out: '',
        err: '✔ Version 1 of KEY is destroyed.\n',
      })
      assert.deepEqual(await versions(user), [['revoked', 2]])
    },
    empty: async t => {
      const user = await userOf(t)
      assert.deepEqual(seen(await user.call('secrets revoke KEY 1')), {
        code: 5,
        out: '',
        err: `✖ There is no secret "KEY".
  See them:  slipway secrets list
  (not_found, req_1)
`,
      })
      await user.call('secrets set KEY', piped)
      assert.deepEqual(seen(await user.call('secrets revoke KEY 7 --confirm-name KEY')), {
        code: 2,
        out: '',
        err: `✖ The tenant has no secret "KEY" in version 7.
  Store it first, or see which ones there are.
  (unknown_secret, req_1)
`,
      })
    },
    refused: async t => {
      const user = await keeper(t)
      assert.deepEqual(await user.call('secrets revoke KEY 1'), {
        code: 2,
        out: '',
        err: "✖ Version 1 of KEY is destroyed for good, and releases that need it can't be restored. That is asked for, and there is no terminal.\n  Say it with the command:  --confirm-name KEY\n  (not_confirmed)\n",
      })
      assert.deepEqual(await user.call('secrets revoke KEY one'), {
        code: 2,
        out: '',
        err: `✖ Argument 'version' can't be 'one'. It is a whole number.
  See:  slipway secrets revoke --help
  (usage)
`,
      })
      assert.deepEqual(await versions(user), [[1]])
    },
    failed: failsAt('secrets revoke KEY 1 --confirm-name KEY', 'GET /v1/secrets/KEY'),
    interrupted: async t => {
      const line = 'secrets revoke KEY 1 --confirm-name KEY'
      await stopsAt(line)(t)
      await stopsAtChange(t, await keeper(t), line, 'Look:  slipway secrets list')
    },
  })

  cases('secrets delete', {
    happy: async t => {
      const user = await keeper(t)
      assert.deepEqual(await user.call('secrets delete KEY --confirm-name KEY'), {
        code: 0,
        out: '',
        err: '✔ KEY is destroyed.\n',
      })
      await user.call('secrets set TYPED', piped)
      const called = user.call('secrets delete TYPED', { terminal: { columns: 200 } })
      await called.told('Type TYPED to confirm:')
      called.type('TYPED\r')
      const { code, err } = await called
      assert.equal(code, 0, err)
      assert.match(stripVTControlCharacters(err), /\n✔ TYPED is destroyed\.\n$/)
      assert.equal((await user.call('secrets list --json')).out, '[]\n')
    },
    empty: async t => {
      const user = await userOf(t)
      assert.deepEqual(seen(await user.call('secrets delete KEY')), {
        code: 5,
        out: '',
        err: `✖ There is no secret "KEY".
  See them:  slipway secrets list
  (not_found, req_1)
`,
      })
    },
    refused: async t => {
      const user = await keeper(t)
      assert.deepEqual(await user.call('secrets delete KEY --confirm-name KAY'), {
        code: 2,
        out: '',
        err: '✖ "KAY" is not KEY: nothing was changed.\n  (not_confirmed)\n',
      })
      assert.deepEqual(await user.call('secrets delete KEY'), {
        code: 2,
        out: '',
        err: `✖ All versions of KEY are destroyed for good, and releases that need one can't be restored. That is asked for, and there is no terminal.
  Say it with the command:  --confirm-name KEY
  (not_confirmed)
`,
      })
      assert.deepEqual(await versions(user), [[1]])
    },
    failed: failsAt('secrets delete KEY --confirm-name KEY', 'GET /v1/secrets/KEY'),
    interrupted: async t => {
      await stopsAt('secrets delete KEY --confirm-name KEY')(t)
      const user = await keeper(t)
      await stopsAtChange(t, user, 'secrets delete KEY --confirm-name KEY', 'Look:  slipway secrets list')
      const asked = user.call('secrets delete KEY', { terminal: { columns: 200 } })
      await asked.told('Type KEY to confirm:')
      asked.type('\u0003')
      const { code, err } = await asked
      assert.equal(code, 130)
      assert.match(stripVTControlCharacters(err), /\n✖ Interrupted: nothing was changed\.\n {2}\(interrupted\)\n$/)
      assert.deepEqual(await versions(user), [[1]])
    },
  })
})
