import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startWorld, type World } from '../server/world.ts'
import { masked, startUser } from './world.ts'

describe('a command line', () => {
  let world: World
  const over: (() => unknown)[] = []
  before(async () => {
    world = await startWorld({ after: end => void over.push(end as () => unknown) })
  })
  after(async () => {
    for (const end of over.toReversed()) await end()
  })

  test('that is not known says which is nearest, and ends with 2', async t => {
    const user = await startUser(t)
    assert.deepEqual(await user.call('tokns list'), {
      code: 2,
      out: '',
      err: "✖ Unknown command 'tokns'\n  Did you mean tokens?\n  See:  slipway --help\n  (usage)\n",
    })
  })

  test('without a token says how to get one, and ends with 4', async t => {
    const user = await startUser(t)
    const { code, out, err } = await user.call('tokens list')
    assert.equal(code, 4)
    assert.equal(out, '')
    assert.match(
      err,
      /You are not logged in to http:\/\/127\.0\.0\.1:7420\/ \(default\)\.\n {2}Log in: {2}slipway login/,
    )
  })

  test('with a token that is not good tells the request id', async t => {
    const user = await startUser(t, { url: world.url, token: 'slip_nonsense' })
    const { code, err } = await user.call('tokens list')
    assert.equal(code, 4)
    assert.match(masked(err), /\(unauthenticated, req_/)
    assert.match(err, /Log in: {2}slipway login/)
  })

  test('tells errors as JSON with --json, on stderr', async t => {
    const user = await startUser(t)
    const { code, out, err } = await user.call('tokens list --json')
    assert.equal(code, 4)
    assert.equal(out, '')
    assert.equal((JSON.parse(err) as { error: { code: string } }).error.code, 'not_logged_in')
  })

  test('lists what there is', async t => {
    const { id, token } = await world.tenant()
    const user = await startUser(t, { url: world.url, token })
    const { code, out, err } = await user.call('tokens list')
    assert.deepEqual({ code, err }, { code: 0, err: '' })
    assert.match(out, /^ID +NAME +SCOPES +LAST USED +EXPIRES +BY\ntok_\w+ +ana +read,deploy,admin /)
    const { out: json } = await user.call('tokens list --json')
    assert.equal((JSON.parse(json) as { tenant_id: string }[])[0]?.tenant_id, id)
  })

  test('help is told on stdout and ends with 0', async t => {
    const user = await startUser(t)
    for (const line of ['--help', 'tokens --help', 'tokens list --help']) {
      const { code, out, err } = await user.call(line)
      assert.deepEqual({ code, err }, { code: 0, err: '' }, line)
      assert.match(out, /Usage: slipway/)
    }
  })
})
