import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Shell, scriptFor } from '../../src/cli/completion/scripts.ts'
import { type Customer, startWorld, type World } from '../server/world.ts'
import { isRequired } from '../support/part.ts'
import { cases, startFailingUser, startMute } from './cases.ts'
import { startUser, type User } from './world.ts'

const nothing = { code: 0, out: '', err: '' }
const over: (() => unknown)[] = []
let world: World
let customer: Customer
before(async () => {
  world = await startWorld({ after: end => void over.push(end as () => unknown) })
  customer = await world.tenant()
  const acting = world.machine.slipway.as({ tenantId: customer.id, subject: 'ana' })
  const image = await world.machine.worker('1')
  const made = await acting.instances.create({ name: 'shop', services: [{ name: 'worker', image, replicas: 1 }] })
  await acting.finished(made.deployment.id)
})
after(async () => {
  for (const end of over.toReversed()) await end()
})

async function complete(user: User, ...words: string[]): Promise<string[]> {
  const { code, out, err } = await user.call(['__complete', '--', ...words])
  assert.deepEqual({ code, err }, { code: 0, err: '' })
  return out.split('\n').slice(0, -1)
}

cases('completion', {
  async happy(t) {
    const user = await startUser(t)
    for (const shell of ['bash', 'zsh', 'fish'] as const) {
      assert.deepEqual(await user.call(['completion', shell]), { ...nothing, out: scriptFor[shell] })
    }
    const help = await user.call('completion --help')
    assert.match(help.out, /source <\(slipway completion bash\)' >> ~\/\.bashrc/)
  },
  async empty(t) {
    const { code, err } = await (await startUser(t)).call('completion')
    assert.equal(code, 2)
    assert.match(err, /Missing required argument 'shell'/)
  },
  async refused(t) {
    const { code, err } = await (await startUser(t)).call('completion cmd')
    assert.equal(code, 2)
    assert.match(err, /Allowed choices are bash, zsh, fish/)
  },
  failed: { none: 'it asks nobody' },
  interrupted: { none: 'it asks nobody' },
})

cases('__complete', {
  async happy(t) {
    const user = await startUser(t, { url: world.url, token: customer.token })
    assert.deepEqual(await complete(user, 'de'), ['demo', 'deploy'])
    assert.deepEqual(await complete(user, 'instances', 'st'), ['stop', 'start'])
    assert.deepEqual(await complete(user, 'instances', 'stop', '--js'), ['--json'])
    assert.deepEqual(await complete(user, 'ps', ''), ['shop'])
    assert.deepEqual(await complete(user, 'events', '--instance', 's'), ['shop'])
    assert.deepEqual(await complete(user, 'events', '--instance=s'), ['--instance=shop'], 'as zsh and fish have it')
    assert.deepEqual(await complete(user, 'events', '--instance', '=', 's'), ['shop'], 'as bash has it')
    assert.deepEqual(await complete(user, 'ps', `${customer.id}/`), [`${customer.id}/shop`])
    assert.ok(!(await complete(user, '')).includes('__complete'))
  },
  async empty(t) {
    const { token } = await world.tenant()
    const user = await startUser(t, { url: world.url, token })
    assert.deepEqual(await complete(user, 'watch', ''), [])
    assert.deepEqual(await complete(user, 'context', 'use', ''), [])
    assert.deepEqual(await complete(user, 'run', 'shop', 'web', '--', '--js'), [], 'those are for another program')
  },
  async refused(t) {
    const user = await startUser(t, { url: world.url, token: 'slip_wrong' })
    assert.deepEqual(await complete(user, 'ps', ''), [])
    assert.deepEqual(await complete(await startUser(t), 'ps', ''), [], 'nor without a token')
  },
  async failed(t) {
    assert.deepEqual(await complete(await startFailingUser(t), 'ps', ''), [])
    const mute = await startMute(t, 'holds on')
    assert.deepEqual(await complete(await startUser(t, { url: mute.url, token: 'slip_any' }), 'ps', ''), [])
  },
  interrupted: { none: 'it ends by itself before anybody could' },
})

describe('what completes a line', () => {
  test('is asked of a server once in some seconds, and by each token anew', async t => {
    const user = await startUser(t, { url: world.url, token: customer.token })
    const at = 1_000_000
    const words = ['__complete', '--', 'ps', '']
    assert.equal((await user.call(words, { now: () => at })).out, 'shop\n')
    writeKept(user, { found: ['t1/kept'] })
    assert.equal((await user.call(words, { now: () => at + 4_999 })).out, 'kept\n')
    assert.equal((await user.call(words, { now: () => at, env: { SLIPWAY_TOKEN: 'slip_wrong' } })).out, '')
    assert.equal((await user.call(words, { now: () => at + 5_000 })).out, 'shop\n')
  })

  test('is for a deployment the ids of those that run', async t => {
    const { id, token } = await world.tenant()
    const user = await startUser(t, { url: world.url, token })
    const acting = world.machine.slipway.as({ tenantId: id, subject: 'ana' })
    const image = await world.machine.worker('1')
    const made = await acting.instances.create({ name: 'shop', services: [{ name: 'worker', image, replicas: 2 }] })
    await acting.finished(made.deployment.id)
    const asked = await acting.deploy({
      instanceId: made.instance.id,
      services: [{ name: 'worker', image: await world.machine.worker('2') }],
      strategy: 'canary',
      options: { steps: [{ weight: 50, pause: 'look' }], holdSeconds: 0 },
    })
    for await (const event of acting.watch(asked.id)) if (event.type === 'deploy.paused') break
    assert.deepEqual(await complete(user, 'promote', 'dep_'), [asked.id])
    await acting.cancel(asked.id)
    await acting.finished(asked.id)
  })

  test('is never more than one plain word to a shell', async t => {
    const user = await startUser(t)
    mkdirSync(join(user.home, '.config/slipway'), { recursive: true })
    const url = 'https://slipway.example'
    const contexts = { near: { url }, '$(touch x)': { url } }
    writeFileSync(join(user.home, '.config/slipway/config.json'), JSON.stringify({ contexts }))
    assert.deepEqual(await complete(user, 'context', 'use', ''), ['near'])
  })

  test('reaches a real bash', async t => {
    const user = await startUser(t)
    const root = fileURLToPath(new URL('../..', import.meta.url))
    const shim = `#!/bin/sh\nexec '${process.execPath}' '${join(root, 'bin/slipway.js')}' "$@"\n`
    writeFileSync(join(user.home, 'slipway'), shim, { mode: 0o755 })
    const line = `source <(slipway completion bash)
      COMP_WORDS=(slipway instances st); COMP_CWORD=2; _slipway; echo "\${COMPREPLY[@]}"
      COMP_WORDS=(slipway ps ''); COMP_CWORD=2; _slipway; echo "\${COMPREPLY[@]}"`
    const { stdout, stderr } = await promisify(execFile)('bash', ['--norc', '-c', line], {
      env: {
        ...user.env,
        SLIPWAY_URL: world.url,
        SLIPWAY_TOKEN: customer.token,
        PATH: `${user.home}:${process.env['PATH']}`,
      },
    })
    assert.deepEqual({ stdout, stderr }, { stdout: 'stop start\nshop\n', stderr: '' })
  })

  for (const shell of ['bash', 'zsh', 'fish'] satisfies Shell[]) {
    const isThere = spawnSync(shell, ['-c', 'true']).status === 0 || (shell !== 'bash' && isRequired(shell))
    test(`is a script that ${shell} can read`, { skip: isThere ? false : `${shell} is not installed` }, async t => {
      // From a file: fish reads no script from a pipe that is a socket.
      const file = join((await startUser(t)).home, 'script')
      writeFileSync(file, scriptFor[shell])
      const { status, stderr } = spawnSync(shell, ['-n', file], { encoding: 'utf8' })
      assert.deepEqual({ status, stderr }, { status: 0, stderr: '' })
    })
  }
})

/** Changes what the user's cache of instances holds. */
function writeKept({ home }: User, change: object): void {
  const file = join(home, '.cache/slipway/completion-instances.json')
  writeFileSync(file, JSON.stringify({ ...(JSON.parse(readFileSync(file, 'utf8')) as object), ...change }))
}
