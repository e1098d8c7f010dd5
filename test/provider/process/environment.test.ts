import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { expand } from '../../../src/provider/process/expand.ts'
import type { RevisionSpec } from '../../../src/provider/provider.ts'
import { type ProcessWorld, processWorld, shell, until } from './world.ts'

describe('what a process finds around it', () => {
  let world: ProcessWorld
  before(async () => {
    world = await processWorld()
  })
  after(() => world.dispose())

  const printEnvironment = {
    'slipway.json': JSON.stringify({ command: ['node', 'print.mjs'] }),
    'print.mjs': `
    import { writeFileSync, renameSync } from 'node:fs'
    const { env, argv } = process
    writeFileSync(env.DATA + '/seen.tmp', JSON.stringify({ env, args: argv.slice(2), cwd: process.cwd() }))
    renameSync(env.DATA + '/seen.tmp', env.DATA + '/seen.json')
  `,
  }

  async function seen(given: Partial<RevisionSpec>) {
    const spec = await world.revision(world.image(printEnvironment), given)
    const [replica] = await world.start(spec)
    const data = join(world.dataDir, 'instances', spec.instanceId, 'data', 'web')
    await until('it ended', async () => (await world.provider.observe(spec.instanceId))[0]?.state === 'exited')
    const report = JSON.parse(readFileSync(join(data, 'seen.json'), 'utf8')) as {
      env: Record<string, string>
      args: string[]
      cwd: string
    }
    return { ...report, data, replica }
  }

  test('is what the service declares, PATH, HOME, LANG and what we promise, and nothing of ours', async () => {
    process.env['SLIPWAY_OF_OURS'] = 'leaked?'
    const { env, replica, data } = await seen({
      env: { COLOR: 'blue', EMPTY: '' },
      secrets: { TOKEN: 'a$PORT$$b' },
      urls: { URL_API: 'http://127.0.0.1:20417' },
      ports: [{ name: 'http' }, { name: 'admin-api' }],
    })
    delete process.env['SLIPWAY_OF_OURS']
    const { PATH, HOME, LANG, ...rest } = env
    const [http, admin] = [replica?.addresses['http']?.port, replica?.addresses['admin-api']?.port]
    assert.deepEqual(rest, {
      COLOR: 'blue',
      EMPTY: '',
      TOKEN: 'a$PORT$$b',
      URL_API: 'http://127.0.0.1:20417',
      DATA: data,
      PORT: String(http),
      PORT_HTTP: String(http),
      PORT_ADMIN_API: String(admin),
    })
    assert.equal(HOME, process.env['HOME'])
    assert.ok(LANG)
    assert.ok(PATH?.endsWith(process.env['PATH']?.split(':').at(-1) ?? ''))
  })

  test('lets the service say PATH, HOME and LANG, and no other port than its own', async () => {
    const { env, replica } = await seen({
      secrets: { PORT_HTTP: '81' },
      env: {
        HOME: '/nowhere',
        LANG: 'de_DE.UTF-8',
        PATH: `${process.execPath.replace(/\/node$/, '')}:/usr/bin:/bin`,
        PORT: '80',
      },
      ports: [{ name: 'http' }],
    })
    assert.equal(env['HOME'], '/nowhere')
    assert.equal(env['LANG'], 'de_DE.UTF-8')
    assert.ok(env['PATH']?.endsWith(':/usr/bin:/bin'))
    assert.equal(env['PORT'], String(replica?.addresses['http']?.port))
    assert.equal(env['PORT_HTTP'], env['PORT'])
  })

  test('names variables as it likes without meeting those of the launcher', async () => {
    const declared = { go: '1', file: '2', code: '3', script: '4', n: 'a\nb' }
    const { env } = await seen({ env: declared })
    for (const [name, value] of Object.entries(declared)) assert.equal(env[name], value, name)
  })

  test('has $PORT, $URL_… and $DATA filled in, in command, args and env; other dollars stay', async () => {
    const { env, args, data, replica } = await seen({
      command: ['node', 'print.mjs', '--port=$PORT', '$HOME'],
      args: ['${URL_API}/x', '$$PORT', '$PORT_HTTP$DATA', 'a$b$', '$PORTS'],
      env: { LISTEN: '127.0.0.1:${PORT}', DB: '$DATA/db', COST: '5$', RAW: '$$DATA', OTHER: '$COLOR' },
      urls: { URL_API: 'http://127.0.0.1:20417' },
      ports: [{ name: 'http' }],
    })
    const port = replica?.addresses['http']?.port
    assert.deepEqual(args, [
      `--port=${port}`,
      '$HOME',
      'http://127.0.0.1:20417/x',
      '$PORT',
      `${port}${data}`,
      'a$b$',
      '$PORTS',
    ])
    assert.equal(env['LISTEN'], `127.0.0.1:${port}`)
    assert.equal(env['DB'], `${data}/db`)
    assert.equal(env['COST'], '5$')
    assert.equal(env['RAW'], '$DATA')
    assert.equal(env['OTHER'], '$COLOR')
  })

  test('expands nothing that objects have by themselves', () => {
    assert.equal(expand('$constructor ${toString}', {}), '$constructor ${toString}')
  })

  test('starts with every signal as it is by default, and no descriptor of ours', async () => {
    const spec = await world.revision(
      world.image(
        shell(
          'grep -E "^Sig(Ign|Blk)" /proc/self/status; for n in 3 4 5 6; do [ -e /proc/$$/fd/$n ] && echo $n; done; readlink /proc/$$/fd/0; exec sleep 600',
        ),
      ),
    )
    await world.start(spec)
    const output = await until('it wrote', async () => {
      const text = await world.output(spec)
      return text.split('\n').length === 3 && text
    })
    const [blocked, ignored, input] = output.split('\n')
    assert.match(blocked ?? '', /\t0+$/)
    assert.match(ignored ?? '', /\t0+$/)
    assert.equal(input, '/dev/null')
    await world.stopAll(spec)
  })

  test('keeps $DATA from one revision to the next', async () => {
    const first = await world.revision(world.image(shell('echo one >>"$DATA/kept"')))
    const next = await world.revision(world.image(shell('cat "$DATA/kept"')), { instanceId: first.instanceId })
    const ended = (count: number) => async () =>
      (await world.provider.observe(first.instanceId)).filter(replica => replica.state === 'exited').length === count
    await world.start(first)
    await until('the first ended', ended(1))
    await world.start(next)
    await until('the next ended', ended(2))
    assert.equal(await world.output(first), 'one')
  })

  test('runs what the image says: slipway.json, else the script start, bin or main of package.json, with Node', async () => {
    const print = (text: string) => `console.log('${text}', process.argv.slice(2).join())`
    const words: Readonly<Record<string, string>> = { own: 'x,y', shell: '' }
    const images = {
      own: {
        'slipway.json': '{"command":["node","a.mjs","x"]}',
        'package.json': '{"main":"b.mjs"}',
        'a.mjs': print('own'),
      },
      bin: {
        'package.json': '{"name":"@a/tool","bin":{"other":"no.js","tool":"./bin/t.js"},"main":"no.js"}',
        'bin/t.js': print('bin'),
      },
      main: { 'package.json': '{"main":"b.mjs"}', 'b.mjs': print('main') },
      start: {
        'package.json': '{"main":"no.js","bin":"no.js","scripts":{"start":"A=1 own-tool"}}',
        'node_modules/.bin/own-tool': { program: `#!/usr/bin/env node\n${print('start')}` },
      },
      shell: {
        'package.json': '{"scripts":{"start":"true && node \\"$NAME\\""}}',
        'shell.mjs': print('shell'),
      },
    }
    for (const [name, files] of Object.entries(images)) {
      const spec = await world.revision(world.image(files), {
        args: name === 'shell' ? [] : ['y'],
        env: { NAME: 'shell.mjs' },
      })
      await world.start(spec)
      await until(`${name} wrote`, async () => (await world.output(spec)) === `${name} ${words[name] ?? 'y'}`)
    }
  })

  test('is refused when neither the service nor the image says what to run', async () => {
    const image = world.image({ 'readme.txt': 'nothing to run' })
    const spec = await world.revision(image)
    await assert.rejects(
      world.provider.prepare(spec, () => undefined, new AbortController().signal),
      { code: 'image_unavailable', message: `The image ${image} does not say what to run.` },
    )
    await assert.rejects(world.start(spec), { code: 'image_unavailable' })
  })

  test('ends with 127, and says why, when the program is not there; a shell built-in is no program', async () => {
    for (const command of [['no-such-program'], ['./no-such-file'], ['exit', '3']]) {
      const spec = await world.revision(world.image({ a: 'a' }), { command })
      await world.start(spec)
      const [replica] = await until('it ended', async () => {
        const replicas = await world.provider.observe(spec.instanceId)
        return replicas[0]?.state === 'exited' && replicas
      })
      assert.equal(replica?.exitCode, 127)
      const lines: string[] = []
      for await (const line of world.provider.logs({ instanceId: spec.instanceId }))
        lines.push(`${line.stream} ${line.text}`)
      assert.match(lines.join('\n'), new RegExp(`stderr .*${command[0]}.*(not found|No such file)`))
    }
  })

  test('works below a path of 150 characters and with spaces in it', async t => {
    const dataDir = join(world.folder, 'a folder with spaces', 'x'.repeat(150))
    mkdirSync(dataDir, { recursive: true })
    const deep = await processWorld({ dataDir })
    t.after(() => deep.dispose())
    const spec = await deep.revision(deep.image(shell('pwd; exec sleep 600')))
    await deep.start(spec)
    await until('it wrote', async () => (await deep.output(spec)) === join(dataDir, 'images', spec.digest.slice(7)))
    await deep.stopAll(spec)
    writeFileSync(join(dataDir, 'still-ours'), '')
  })
})
