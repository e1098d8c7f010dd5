import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Shell, shells } from '../../src/cli/completion/scripts.ts'
import { type Customer, startWorld, type World } from '../server/world.ts'
import { isRequired } from '../support/part.ts'
import { startMute } from './cases.ts'
import { startUser, type User } from './world.ts'

const over: (() => unknown)[] = []
let world: World
let customer: Customer
before(async () => {
  world = await startWorld({ after: end => void over.push(end as () => unknown) })
  customer = await world.tenant()
  const acting = world.machine.slipway.as({ tenantId: customer.id, subject: 'ana' })
  const image = await world.machine.worker('1')
  for (const name of ['shop', 'shop-2']) {
    const made = await acting.instances.create({ name, services: [{ name: 'worker', image, replicas: 1 }] })
    await acting.finished(made.deployment.id)
  }
})
after(async () => {
  for (const end of over.toReversed()) await end()
})

/** Names that a shell would take for more than a word. */
const odd = [
  'two words',
  '$(touch pwned)',
  '`touch pwned`',
  'semi;touch pwned',
  'back\\slash',
  "quo'te",
  'star*',
  '-dash',
]

for (const shell of shells) {
  describe(`completion by a real ${shell}`, { skip: whyNot(shell) }, () => {
    test('offers commands, options, instances of the server, and contexts by names that are one plain word', async t => {
      const user = await startUser(t, { url: world.url, token: customer.token })
      mkdirSync(join(user.home, '.config/slipway'), { recursive: true })
      const url = 'https://slipway.example'
      const contexts = Object.fromEntries(['near', 'far_1.eu', ...odd].map(name => [name, { url }]))
      writeFileSync(join(user.home, '.config/slipway/config.json'), JSON.stringify({ contexts }))
      const lines = [
        'slipway dep',
        'slipway instances st',
        'slipway instances stop --js',
        'slipway ps ',
        'slipway ps shop-',
        'slipway events --instance=sh',
        `slipway ps ${customer.id}/shop-`,
        'slipway context use ',
        "slipway context use 'two ",
      ]
      const offered = await complete(shell, user, lines)
      const instances = ['shop', 'shop-2']
      assert.deepEqual(offered, [
        ['deploy'],
        ['start', 'stop'],
        ['--json'],
        instances,
        ['shop-2'],
        shell === 'bash' ? instances : instances.map(name => `--instance=${name}`),
        [`${customer.id}/shop-2`],
        ['far_1.eu', 'near'],
        [],
      ])
      assert.equal(existsSync(join(user.home, 'empty/pwned')), false)
    })

    test('offers nothing, and soon, when the server is down or does not answer', async t => {
      const began = performance.now()
      const nobody = await startUser(t)
      assert.deepEqual(await complete(shell, nobody, ['slipway ps ']), [[]])
      const aloneMs = performance.now() - began
      const mute = await startMute(t, 'holds on')
      for (const url of [mute.url, await closedPort()]) {
        const user = await startUser(t, { url, token: 'slip_any' })
        const asked = performance.now()
        assert.deepEqual(await complete(shell, user, ['slipway ps ']), [[]])
        const heldMs = performance.now() - asked
        // 300 ms are what it waits for a server: ten times that is told apart from a wait without an end.
        assert.ok(heldMs < 3 * aloneMs + 3000, `${heldMs} ms; ${aloneMs} ms without a server`)
      }
      await mute.asked
    })
  })
}

/** What a shell offers for the last word of each line, as its own machinery is told; sorted. It has to write nothing else. */
async function complete(shell: Shell, user: User, lines: readonly string[]): Promise<string[][]> {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const shim = `#!/bin/sh\nexec '${process.execPath}' '${join(root, 'bin/slipway.js')}' "$@"\n`
  writeFileSync(join(user.home, 'slipway'), shim, { mode: 0o755 })
  const empty = join(user.home, 'empty')
  mkdirSync(empty, { recursive: true })
  const { program, args } = scripts[shell](lines)
  const { stdout, stderr } = await promisify(execFile)(program, args, {
    // No file is there to be offered where nothing else is.
    cwd: empty,
    env: { ...user.env, PATH: `${user.home}:${process.env['PATH']}` },
  })
  assert.equal(stderr, '')
  const told = stdout.split('=\n').slice(0, -1)
  assert.equal(told.length, lines.length, stdout)
  return told.map(part => part.split('\n').slice(0, -1).toSorted())
}

/** How each shell is brought to complete a line without a keyboard, with `=` after what it offers for each. */
const scripts: Readonly<Record<Shell, (lines: readonly string[]) => { program: string; args: string[] }>> = {
  // The function that `complete` was told of, with the words as readline takes them apart.
  bash: lines => {
    const asks = lines.map(line => {
      const words = line.split(' ').flatMap(word => word.split(/(=)/).filter((part, at) => part !== '' || at === 0))
      return `COMP_WORDS=(${words.map(quoted).join(' ')}); COMP_CWORD=${words.length - 1}; COMPREPLY=(); $f
        [ \${#COMPREPLY[@]} -eq 0 ] || printf '%s\\n' "\${COMPREPLY[@]}"; echo =`
    })
    const set = `source <(slipway completion bash); f=$(complete -p slipway | sed 's/.*-F \\([^ ]*\\) .*/\\1/')`
    return { program: 'bash', args: ['--norc', '-c', [set, ...asks].join('\n')] }
  },
  // The function that `compdef` was told of; what it adds is printed, and what it would ask of files is not.
  zsh: lines => {
    const asks = lines.map(line => {
      const words = line.split(' ')
      return `words=(${words.map(quoted).join(' ')}); CURRENT=${words.length}; $_comps[slipway]; print =`
    })
    const set = `autoload -U compinit && compinit -u -D
      source <(slipway completion zsh)
      compadd() { [[ $1 = -- ]] && shift; (( $# )) && print -rl -- "$@" }
      _files() { true }`
    return { program: 'zsh', args: ['-f', '-c', [set, ...asks].join('\n')] }
  },
  // Its own way to ask; files that it offers beside are none of ours.
  fish: lines => {
    const asks = lines.map(line => `complete -C${fishQuoted(line)} | string split -f1 \\t\necho =`)
    const set = `slipway completion fish | source`
    return { program: 'fish', args: ['--no-config', '-c', [set, ...asks].join('\n')] }
  },
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`
}

function fishQuoted(line: string): string {
  return `'${line.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}

function whyNot(shell: Shell): string | false {
  const isThere = spawnSync(shell, ['-c', 'true']).status === 0
  return isThere || (shell !== 'bash' && isRequired(shell)) ? false : `${shell} is not installed`
}

/** A URL that nobody listens at. */
async function closedPort(): Promise<string> {
  const server = createServer()
  await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening))
  const address = server.address()
  await new Promise(closed => server.close(closed))
  if (address === null || typeof address === 'string') throw new Error('It listens on a port.')
  return `http://127.0.0.1:${address.port}`
}
