import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { lastLines, linesOf, startOfLast } from '../../../src/provider/process/log-lines.ts'
import type { LogLine, LogQuery } from '../../../src/provider/provider.ts'
import { type ProcessWorld, processWorld, shell, until } from './world.ts'

describe('lines of a file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-lines-'))
  after(() => rmSync(folder, { recursive: true }))

  function file(content: string): { path: string; size: number } {
    const path = join(folder, 'log')
    writeFileSync(path, content)
    return { path, size: statSync(path).size }
  }

  test('are whole across the pieces they are read in, also in UTF-8', () => {
    const lines = Array.from({ length: 9000 }, (_, index) => `${index} ${'ä€😀'.repeat(index % 7)}`)
    const { path, size } = file(`${lines.join('\n')}\n`)
    assert.deepEqual(
      [...linesOf(path, 0, size)].map(line => line.text),
      lines,
    )
    const [third] = [...linesOf(path, 0, size)].slice(2)
    assert.equal(third && [...linesOf(path, third.start, third.end)][0]?.text, lines[2])
  })

  test('are counted from the end, with and without a newline there', () => {
    for (const end of ['\n', '']) {
      const lines = Array.from({ length: 30_000 }, (_, index) => `line ${index}`)
      const { path, size } = file(lines.join('\n') + end)
      for (const count of [1, 2, 25_000]) assert.deepEqual(lastLines(path, size, count), lines.slice(-count))
      assert.equal(startOfLast(path, size, 40_000), 0)
      assert.equal(startOfLast(path, size, 0), size)
    }
    const { path, size } = file('\n\na\n')
    assert.deepEqual(lastLines(path, size, 2), ['', 'a'])
    assert.deepEqual(lastLines(path, size, 9), ['', '', 'a'])
  })

  test('that never end are handed out in pieces', () => {
    const { path, size } = file('x'.repeat(1_000_000))
    const pieces = [...linesOf(path, 0, size)]
    assert.ok(pieces.length > 2)
    assert.equal(pieces.map(piece => piece.text).join('').length, 1_000_000)
  })
})

describe('logs', () => {
  let world: ProcessWorld
  const maxBytes = 20_000
  before(async () => {
    world = await processWorld({ logs: { maxBytes, keep: 2, keepEnded: 2 } })
  })
  after(() => world.dispose())

  async function lines(query: LogQuery): Promise<LogLine[]> {
    const found: LogLine[] = []
    for await (const line of world.provider.logs(query)) found.push(line)
    return found
  }

  const logFolder = (instanceId: string) => join(world.dataDir, 'instances', instanceId, 'logs', 'web')

  test('tell stdout from stderr, and replicas apart, in the order of time', async () => {
    const spec = await world.revision(world.image(shell('echo out; echo err >&2; exec sleep 600')))
    const [first] = await world.start(spec, 0)
    await until('the first wrote', async () => (await lines(spec)).length === 2)
    await new Promise(resolve => setTimeout(resolve, 5))
    await world.start(spec, 1)
    const all = await until('both wrote', async () => {
      const seen = await lines(spec)
      return seen.length === 4 && seen
    })
    assert.deepEqual(
      all
        .slice(0, 2)
        .map(line => `${line.replica} ${line.stream} ${line.text}`)
        .toSorted(),
      [`${first?.name} stderr err`, `${first?.name} stdout out`],
    )
    assert.deepEqual(
      all.map(line => line.at),
      all.map(line => line.at).toSorted(),
    )
    await world.stopAll(spec)
  })

  test('know when a line was written to within the interval of looking, also for `since`', async () => {
    const spec = await world.revision(
      world.image(shell('echo early; while [ ! -e "$DATA/go" ]; do sleep 0.01; done; echo late; exec sleep 600')),
    )
    await world.start(spec)
    const [early] = await until('it wrote', async () => {
      const seen = await lines(spec)
      return seen.length === 1 && seen
    })
    await new Promise(resolve => setTimeout(resolve, 20))
    const between = new Date().toISOString()
    writeFileSync(join(world.dataDir, 'instances', spec.instanceId, 'data', 'web', 'go'), '')
    await until('it wrote again', async () => (await lines(spec)).length === 2)
    assert.ok(early && early.at < between)
    const since = await lines({ ...spec, since: between })
    assert.deepEqual(
      since.map(line => line.text),
      ['late'],
    )
    assert.equal((await lines({ ...spec, since: early.at })).length, 2)
    assert.ok(Date.now() - Date.parse(since[0]?.at ?? '') < 5000)
    await world.stopAll(spec)
  })

  test('stay below their cap, keep the newest, and are followed across the cut', async () => {
    // Slowly enough that every line is there when the file is cut: 500 lines of 200 bytes, five caps in all.
    const script = `pad=$(printf '%0190d' 0); i=0
      while [ $i -lt 500 ]; do i=$((i+1)); echo "$i $pad"; [ $((i % 50)) = 0 ] && sleep 0.26; done; exec sleep 600`
    const spec = await world.revision(world.image(shell(script)))
    const reader = new AbortController()
    const followed: number[] = []
    const following = (async () => {
      for await (const line of world.provider.logs({ ...spec, follow: true }, reader.signal))
        followed.push(Number.parseInt(line.text, 10))
    })()
    await world.start(spec)
    await until('all was heard', () => followed.at(-1) === 500)
    reader.abort()
    await following
    assert.deepEqual(
      followed,
      Array.from({ length: 500 }, (_, index) => index + 1),
    )
    const files = readdirSync(logFolder(spec.instanceId)).filter(name => /\.out(\.\d)?$/.test(name))
    assert.equal(files.length, 3)
    for (const name of files) assert.ok(statSync(join(logFolder(spec.instanceId), name)).size <= 2 * maxBytes, name)
    const kept = (await lines(spec)).map(line => Number.parseInt(line.text, 10))
    assert.equal(kept.at(-1), 500)
    assert.deepEqual(
      kept,
      Array.from({ length: kept.length }, (_, index) => 500 - kept.length + 1 + index),
    )
    assert.deepEqual(
      (await lines({ ...spec, tail: 120 })).map(line => Number.parseInt(line.text, 10)),
      Array.from({ length: 120 }, (_, index) => 381 + index),
    )
    await world.stopAll(spec)
  })

  test('of a program that writes much more than the cap at once are its last bytes', async () => {
    const spec = await world.revision(
      world.image(shell('head -c 3000000 /dev/zero | tr "\\0" x; echo; echo end; exec sleep 600')),
    )
    await world.start(spec)
    await until('the file was cut', () => readdirSync(logFolder(spec.instanceId)).some(name => name.endsWith('.out.1')))
    const [name = ''] = readdirSync(logFolder(spec.instanceId)).filter(file => file.endsWith('.out.1'))
    assert.ok(statSync(join(logFolder(spec.instanceId), name)).size <= 2 * maxBytes)
    await until('its end was heard', async () => (await lines({ ...spec, tail: 1 }))[0]?.text === 'end')
    await world.stopAll(spec)
  })

  test('of replicas that are gone are kept for the newest few', async () => {
    const spec = await world.revision(world.image(shell('echo here; exec sleep 600')))
    for (let round = 0; round < 4; round++) {
      await world.start(spec)
      await until('it wrote', async () => (await lines(spec)).length === Math.min(round, 2) + 1)
      await world.stopAll(spec)
    }
    assert.equal(readdirSync(logFolder(spec.instanceId)).filter(name => name.endsWith('.out')).length, 2)
  })

  test('that are followed give the end of a line only when it is there', async () => {
    const spec = await world.revision(
      world.image(
        shell('printf "half"; while [ ! -e "$DATA/go" ]; do sleep 0.01; done; echo " whole"; exec sleep 600'),
      ),
    )
    await world.start(spec)
    await until('the half is there', async () => (await lines(spec))[0]?.text === 'half')
    const reader = new AbortController()
    const followed = world.provider.logs({ ...spec, follow: true }, reader.signal)[Symbol.asyncIterator]()
    const line = followed.next()
    writeFileSync(join(world.dataDir, 'instances', spec.instanceId, 'data', 'web', 'go'), '')
    assert.equal(((await line).value as LogLine).text, 'half whole')
    reader.abort()
    assert.equal((await followed.next()).done, true)
    await world.stopAll(spec)
  })

  test('are written by the program itself, so nothing is missing that was written while no control plane ran', async () => {
    const spec = await world.revision(
      world.image(shell('echo before; while [ ! -e "$DATA/go" ]; do sleep 0.01; done; echo meanwhile; exec sleep 600')),
    )
    await world.start(spec)
    await until('it wrote', async () => (await lines(spec)).length === 1)
    await world.provider.close()
    const data = join(world.dataDir, 'instances', spec.instanceId, 'data', 'web')
    appendFileSync(join(data, 'go'), '')
    const folder = logFolder(spec.instanceId)
    const [name = ''] = readdirSync(folder).filter(file => file.endsWith('.out'))
    await until('it wrote on', () => statSync(join(folder, name)).size === 'before\nmeanwhile\n'.length)
    await world.reopen()
    assert.deepEqual(
      (await lines(spec)).map(line => line.text),
      ['before', 'meanwhile'],
    )
    await world.stopAll(spec)
  })
})
