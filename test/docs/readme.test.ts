import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { createSlipway } from '../../src/index.ts'
import { stopProxy } from '../../src/router/proxy/router.ts'
import { ask } from '../support/ask.ts'
import { processesOf } from '../support/processes.ts'
import { blocksOf, root, sectionOf, textOf } from './markdown.ts'

const run = promisify(execFile)
const [server, commands] = blocksOf(sectionOf(textOf('README.md'), 'As a server'))
const [program, printed] = blocksOf(sectionOf(textOf('README.md'), 'In your program'))

test('the program in the README runs as written, prints what it says, and leaves release 1 serving', async t => {
  assert.equal(program?.language, 'ts')
  const folder = await workshop(t)
  await writeFile(join(folder, 'readme.mts'), program.code)
  const { stdout, stderr } = await run(
    process.execPath,
    ['--import', pathToFileURL(join(root, 'test/docs/resolve.mjs')).href, 'readme.mts'],
    { cwd: folder, timeout: 60_000 },
  )
  assert.equal(stderr, '')
  assert.equal(withoutDigests(stdout), withoutDigests(printed?.code ?? ''))

  await using left = new AsyncDisposableStack()
  const slipway = await createSlipway({ dataDir: join(folder, 'data') })
  left.defer(() => slipway.close())
  const acme = slipway.as({ tenantId: 'acme', subject: 'ana' })
  const answer = await ask(slipway.front, 'shop.acme.localhost')
  assert.equal(answer.body, 'hello from release 1\n')
  const [instance] = (await acme.instances.list()).items
  assert.ok(instance)
  const releases = await acme.listReleases(instance.id)
  assert.deepEqual(
    releases.items.map(({ version, active }) => ({ version, active })),
    [
      { version: 2, active: false },
      { version: 1, active: true },
    ],
  )
  assert.equal((await acme.finished((await acme.instances.delete(instance.id)).id)).state, 'succeeded')
})

test('the server in the README serves as written, its first token makes the rest, and SIGTERM ends it in order', async t => {
  const folder = await workshop(t)
  await writeFile(join(folder, 'serve.mts'), server?.code ?? '')
  const hooks = pathToFileURL(join(root, 'test/docs/resolve.mjs')).href
  const child = spawn(process.execPath, ['--import', hooks, 'serve.mts', '--first-token'], {
    cwd: folder,
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  const exit = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const [, url = ''] = /^listening at (http:\S+)$/.exec(String((await lines.next()).value)) ?? []
  const operator = String((await lines.next()).value)
  const { stdout } = await run('bash', ['-c', `set -e\n${commands?.code}`], {
    env: { ...process.env, SLIPWAY_URL: url, OPERATOR: operator },
    timeout: 60_000,
  })
  assert.match(stdout, /"id":"acme".*"secret":"slip_.*"items":\[\].*slipway_build_info\{/s)
  child.kill('SIGTERM')
  assert.deepEqual(await exit, [0, null])
})

test('the program in the README is about twelve lines', () => {
  const lines = program?.code.split('\n').filter(line => line.trim() !== '') ?? []
  assert.ok(lines.length <= 13, `${lines.length} lines`)
})

/** A folder with what the program finds in the repository; nothing of it runs, and it is gone, when the test is over. */
async function workshop(t: TestContext): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'slipway-readme-')))
  t.after(async () => {
    await stopProxy(join(folder, 'data'))
    for (const pid of processesOf(folder)) process.kill(pid, 'SIGKILL')
    await rm(folder, { recursive: true, force: true })
  })
  for (const image of ['hello-1', 'hello-2'])
    await cp(join(root, 'examples', image), join(folder, 'examples', image), { recursive: true })
  return folder
}

/** Digests change with what they are of; the plan does not. */
function withoutDigests(text: string): string {
  return text.replaceAll(/\b[0-9a-f]{6}\b/g, '······')
}
