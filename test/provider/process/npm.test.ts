import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { ErrorCode } from '../../../src/errors.ts'
import { isSlipwayError } from '../../../src/errors.ts'
import { type NpmWorld, npmWorld } from './npm-world.ts'
import { isRunning, until } from './world.ts'

const program = `#!/usr/bin/env node
console.log(require('says')(process.argv.slice(2)))
setInterval(() => {}, 60_000)
`
const hello = {
  name: 'hello',
  version: '1.2.3',
  manifest: { bin: 'cli.js', dependencies: { says: '^1.0.0' } },
  files: { 'cli.js': program },
}
const says = { name: 'says', version: '1.0.0', files: { 'index.js': "module.exports = words => words.join(' ')" } }

describe('images from npm', () => {
  let world: NpmWorld
  before(async () => {
    world = await npmWorld()
  })
  beforeEach(() => {
    world.registry.answer(undefined)
    world.registry.publish(hello, says)
  })
  after(() => world.dispose())

  const never = new AbortController().signal
  const temporary = () => readdirSync(join(world.dataDir, 'tmp'))
  const folderOf = (digest: string) => join(world.dataDir, 'images', digest.slice('sha256:'.length))
  const kept = () => readdirSync(join(world.dataDir, 'images')).toSorted()
  const refused = (code: ErrorCode, pattern: RegExp) => (error: unknown) =>
    isSlipwayError(error, code) && pattern.test(error.message) && error.next !== undefined
      ? true
      : assert.fail(error as Error)

  test('run the program of the package, with the service’s args after it and $PORT and $DATA in them', async () => {
    const scoped = { ...hello, name: '@shop/hello' }
    world.registry.publish(scoped)
    for (const image of ['npm:hello@1.2.3', 'npm:@shop/hello@1.2.3']) {
      const spec = await world.revision(image, { ports: [{ name: 'http' }], args: ['-p', '$PORT', '-u', '${DATA}/x'] })
      await world.provider.prepare(spec, () => undefined, never)
      const [replica] = await world.start(spec)
      const port = replica?.addresses['http']?.port
      const data = join(world.dataDir, 'instances', spec.instanceId, 'data', 'web')
      await until('it wrote', async () => (await world.output(spec)) === `-p ${port} -u ${data}/x`)
      await world.stopAll(spec)
    }
  })

  test('are named by the packages, not by the registry they come from', async t => {
    const other = await npmWorld()
    t.after(() => other.dispose())
    other.registry.publish(hello, says)
    const { digest } = await world.provider.resolve('npm:hello@1.2.3')
    assert.deepEqual(await other.provider.resolve('npm:hello@1.2.3'), { image: 'npm:hello@1.2.3', digest })
    other.registry.publish({ ...says, version: '1.0.1' })
    const changed = await other.provider.resolve('npm:hello@1.2.3')
    assert.notEqual(changed.digest, digest, 'a dependency is another')
  })

  test('whose version moves say which one it was', async () => {
    const versions = ['2.0.0', '2.1.0', '3.0.0'].map(version => ({ ...says, name: 'moves', version }))
    world.registry.publish(...versions)
    const meant = async (wanted: string) => (await world.provider.resolve(`npm:moves@${wanted}`)).image
    assert.equal(await meant('^2'), 'npm:moves@2.1.0')
    assert.equal(await meant('latest'), 'npm:moves@3.0.0')
  })

  test('are installed once for many who want them, read-only, and leave nothing half-made', async () => {
    const spec = await world.revision('npm:hello@1.2.3')
    rmSync(folderOf(spec.digest), { recursive: true, force: true })
    rmSync(world.cache, { recursive: true })
    const from = world.registry.requests.length
    const told: [number, string][] = []
    const asked = world.registry.asked(path => path.endsWith('.tgz'))
    const preparing = Promise.all(
      Array.from({ length: 5 }, () => world.provider.prepare(spec, (...progress) => told.push(progress), never)),
    )
    await asked
    assert.equal(temporary().length, 1, 'one installation for all')
    await preparing
    const fetched = world.registry.requests.slice(from)
    assert.deepEqual(fetched.toSorted(), ['/hello/-/1.2.3.tgz', '/says/-/1.0.0.tgz'])
    assert.ok(told.some(([percent, text]) => percent > 0 && percent < 100 && text.includes('npm:hello@1.2.3')))
    assert.equal(told.at(-1)?.[0], 100)
    const modes = execFileSync('find', [folderOf(spec.digest), '-type', 'f', '-printf', '%m\n'], { encoding: 'utf8' })
    assert.deepEqual([...new Set(modes.trim().split('\n'))].toSorted(), ['444', '555'])
    assert.deepEqual(temporary(), [])
  })

  test('run nothing of a package before its replicas do', async () => {
    const mark = join(world.folder, 'ran')
    const scripts = { postinstall: `touch ${mark}` }
    world.registry.publish({ ...says, name: 'eager', manifest: { scripts } })
    world.registry.publish({
      ...hello,
      name: 'uses-eager',
      manifest: { bin: 'cli.js', dependencies: { eager: '1.0.0' } },
    })
    await assert.rejects(
      world.provider.resolve('npm:uses-eager@1.2.3'),
      refused('image_unavailable', /eager@1\.0\.0 wants to run scripts at its installation/),
    )
    const optional = { bin: 'cli.js', optionalDependencies: { eager: '1.0.0' } }
    world.registry.publish({ ...hello, name: 'may-use-eager', manifest: optional })
    const spec = await world.revision('npm:may-use-eager@1.2.3')
    await world.provider.prepare(spec, () => undefined, never)
    assert.equal(existsSync(mark), false)
  })

  test('with several programs, or none, need a command of the service, and run it', async () => {
    world.registry.publish({ ...says, name: 'tools', manifest: { bin: { one: 'a.js', two: 'b.js' } } })
    const { needsCommand } = await world.provider.resolve('npm:tools@1.0.0')
    assert.match(needsCommand?.why ?? '', /several programs and none of its own name: one, two\./)
    assert.match((await world.provider.resolve('npm:says@1.0.0')).needsCommand?.why ?? '', /says has no program to run/)
    const spec = await world.revision('npm:says@1.0.0')
    await assert.rejects(
      world.provider.prepare(spec, () => undefined, never),
      refused('image_unavailable', /says has no program to run/),
    )
    const command = ['node', '-p', "require('says')(['as', 'told'])"]
    await world.provider.prepare({ ...spec, command }, () => undefined, never)
    await world.start({ ...spec, command })
    await until('it wrote', async () => (await world.output(spec)) === 'as told')
    await world.stopAll(spec)
    world.registry.publish({ ...hello, name: 'named', manifest: { bin: { other: 'o.js', named: 'cli.js' } } })
    assert.equal((await world.provider.resolve('npm:named@1.2.3')).needsCommand, undefined)
  })

  test('that cannot be had are refused with what is wrong, and nothing is kept', async () => {
    world.registry.publish(
      { ...says, name: 'old', manifest: { engines: { node: '<10' } } },
      { ...says, name: 'elsewhere', manifest: { os: ['win32'] } },
      { ...says, name: 'from-git', manifest: { dependencies: { says: 'file:../says' } } },
    )
    const before = kept()
    const cases: readonly [string, RegExp][] = [
      ['npm:not-there@1.0.0', /no such package \(.*not-there/],
      ['npm:hello@9.9.9', /no such version \(.*hello@9\.9\.9/],
      ['npm:old@1.0.0', /does not run on this Node, v\d+.*old@1\.0\.0/],
      ['npm:elsewhere@1.0.0', /not for this machine \(.*elsewhere@1\.0\.0/],
      ['npm:hello', /does not say which version/],
      ['npm:hello@', /does not say which version/],
      ['npm:hello@file:../hello', /names no version, range or tag/],
      ['npm:hello@shop/hello', /names no version, range or tag/],
      ['npm:hello@./hello', /names no version, range or tag/],
      ['npm:hello@hello.tgz', /names no version, range or tag/],
      ['npm:../hello@1.0.0', /does not name a package/],
      ['npm:@1.0.0', /does not name a package/],
    ]
    for (const [image, pattern] of cases) {
      await assert.rejects(world.provider.resolve(image), refused('image_unavailable', pattern), image)
    }
    assert.deepEqual(kept(), before)
    assert.deepEqual(temporary(), [])
  })

  test('are had whatever else npm is told by those who started us', async t => {
    const told = { workspace: 'api', global: 'true', dry_run: 'true', omit: 'optional', json: 'false' }
    const other = await npmWorld(
      Object.fromEntries(Object.entries(told).map(([name, value]) => [`npm_config_${name}`, value])),
    )
    t.after(() => other.dispose())
    other.registry.publish({ ...hello, manifest: { bin: 'cli.js', optionalDependencies: { says: '1.0.0' } } }, says)
    const spec = await other.revision('npm:hello@1.2.3')
    await other.provider.prepare(spec, () => undefined, never)
    const copy = join(other.dataDir, 'images', spec.digest.slice('sha256:'.length))
    assert.ok(existsSync(join(copy, 'node_modules', 'says', 'index.js')))
  })

  test('are refused when there is no npm, or no registry that answers', async t => {
    const alone = await npmWorld({ PATH: '/nowhere' })
    t.after(() => alone.dispose())
    await assert.rejects(
      alone.provider.resolve('npm:hello@1.2.3'),
      refused('image_unavailable', /no npm on this machine/),
    )
    const cut = await npmWorld({ npm_config_registry: 'http://127.0.0.1:9' })
    t.after(() => cut.dispose())
    await assert.rejects(
      cut.provider.resolve('npm:hello@1.2.3'),
      refused('image_unavailable', /npm's registry does not answer \(.*ECONNREFUSED/),
    )
  })

  test('that are looked up in vain for too long are given up, and npm with them', async t => {
    const stuck = await npmWorld(stuckNpm())
    t.after(() => stuck.dispose())
    const gone = new AbortController()
    const lookUp = stuck.provider.resolve('npm:hello@1.2.3', gone.signal)
    const npm = await stuck.npm()
    gone.abort(new Error('nobody waits'))
    await assert.rejects(lookUp, /nobody waits/)
    assert.equal(isRunning(npm), false)
    assert.deepEqual(readdirSync(join(stuck.dataDir, 'tmp')), [])
  })

  test('go on being installed for those who still wait when others have given up', async () => {
    const spec = await freshRevision('patient')
    let goOn: () => void = () => undefined
    world.registry.answer((path, response) => {
      if (path !== '/patient/-/1.2.3.tgz') return false
      goOn = () => world.registry.send(path, response)
      return true
    })
    const gone = new AbortController()
    const asked = world.registry.asked(path => path === '/patient/-/1.2.3.tgz')
    const [first, second] = [gone.signal, never].map(signal => world.provider.prepare(spec, () => undefined, signal))
    await asked
    gone.abort(new Error('nobody waits'))
    await assert.rejects(first ?? assert.fail(), /nobody waits/)
    goOn()
    await second
  })

  test('are fetched again after an outage of the registry, and never what is not what was released', async () => {
    const spec = await freshRevision('flaky')
    const prepare = () => world.provider.prepare(spec, () => undefined, never)
    world.registry.answer((path, response) => path.endsWith('.tgz') && (response.writeHead(503).end(), true))
    await assert.rejects(prepare, refused('unavailable', /does not answer \(.*503/))
    world.registry.answer((path, response) => {
      if (!path.endsWith('.tgz')) return false
      response.writeHead(200, { 'content-length': 10_000 }).write('half')
      response.socket?.destroySoon()
      return true
    })
    await assert.rejects(prepare, refused('unavailable', /does not answer/))
    world.registry.answer((path, response) => path.endsWith('.tgz') && (response.end('something else'), true))
    await assert.rejects(prepare, refused('image_unavailable', /not what it was when the release was made/))
    assert.equal(existsSync(folderOf(spec.digest)), false)
    assert.deepEqual(temporary(), [])
    world.registry.answer(undefined)
    await prepare()
    await world.start(spec)
    await world.stopAll(spec)
  })

  test('that lost their copy are installed again; without their lockfile they are gone', async () => {
    const spec = await world.revision('npm:hello@1.2.3')
    const prepare = () => world.provider.prepare(spec, () => undefined, never)
    await prepare()
    rmSync(join(folderOf(spec.digest), 'node_modules', 'says', 'index.js'))
    await prepare()
    assert.ok(existsSync(join(folderOf(spec.digest), 'node_modules', 'says', 'index.js')))
    rmSync(folderOf(spec.digest), { recursive: true })
    await world.start(spec)
    await world.stopAll(spec)
    assert.ok(existsSync(folderOf(spec.digest)), 'a start had it installed again')
    rmSync(folderOf(spec.digest), { recursive: true })
    const lock = `${folderOf(spec.digest)}.lock`
    const { digest: another } = await world.provider.resolve('npm:@shop/hello@1.2.3')
    copyFileSync(`${folderOf(another)}.lock`, lock)
    await assert.rejects(prepare, refused('image_gone', /npm:hello@1\.2\.3/), 'of something else')
    writeFileSync(lock, '{"lockfileVersion": 3, "pack')
    await assert.rejects(prepare, refused('image_gone', /npm:hello@1\.2\.3/), 'torn')
    rmSync(lock)
    await assert.rejects(prepare, refused('image_gone', /npm:hello@1\.2\.3/))
  })

  test('being installed by a control plane that is killed leave nothing that counts', async () => {
    const spec = await freshRevision('halfway')
    await world.provider.close()
    world.registry.answer(path => path === '/halfway/-/1.2.3.tgz') // and says nothing
    const asked = world.registry.asked(path => path === '/halfway/-/1.2.3.tgz')
    const doomed = world.prepareElsewhere(spec)
    await Promise.race([asked, doomed.ended.then(said => assert.fail(said))])
    await doomed.kill()
    assert.notDeepEqual(temporary(), [])
    const provider = await world.reopen()
    assert.deepEqual(temporary(), [])
    assert.equal(existsSync(folderOf(spec.digest)), false)
    world.registry.answer(undefined)
    await provider.prepare(spec, () => undefined, never)
    assert.ok(existsSync(folderOf(spec.digest)))
  })

  test('being installed by a control plane that is killed, or by a provider that closes, leave no npm behind', async t => {
    const spec = await world.revision('npm:hello@1.2.3')
    const stuck = await npmWorld(stuckNpm())
    t.after(() => stuck.dispose())
    copyFileSync(`${folderOf(spec.digest)}.lock`, join(stuck.dataDir, 'images', `${spec.digest.slice(7)}.lock`))
    const preparing = assert.rejects(
      stuck.provider.prepare(spec, () => undefined, never),
      { code: 'closed' },
    )
    const first = await stuck.npm()
    await stuck.provider.close()
    await preparing
    assert.equal(isRunning(first), false)
    const doomed = stuck.prepareElsewhere(spec)
    const second = await stuck.npm()
    await doomed.kill()
    await until('npm is gone', () => !isRunning(second))
  })

  /** An environment whose npm never ends, nor says a word that nobody hears. */
  function stuckNpm(): Record<string, string> {
    const bin = mkdtempSync(join(world.folder, 'bin-'))
    writeFileSync(
      join(bin, 'npm'),
      '#!/bin/sh\necho $$ >"$STARTED.new" && mv "$STARTED.new" "$STARTED"\nexec sleep 600\n',
    )
    chmodSync(join(bin, 'npm'), 0o755)
    return { PATH: `${bin}:/usr/bin:/bin`, STARTED: join(bin, 'started') }
  }

  /** A package that nobody has fetched yet, resolved. */
  async function freshRevision(name: string) {
    world.registry.publish({ ...hello, name })
    return await world.revision(`npm:${name}@1.2.3`)
  }
})
