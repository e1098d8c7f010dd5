import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { Painter } from '../../../src/cli/watch/painter.ts'

/** A terminal of so many rows that knows what painters write; it counts the lines that it scrolled. */
function terminal(columns: number, rows: number) {
  let screen: string[] = ['']
  let [row, column] = [0, 0]
  let written = ''
  const write = (text: string): void => {
    written += text
    for (const [, escape, sign] of text.matchAll(/(\p{Cc}\[\d*[AJK])|([^])/gu)) {
      if (escape?.endsWith('A')) row = Math.max(Math.max(0, screen.length - rows), row - Number(escape.slice(2, -1)))
      else if (escape?.endsWith('K')) screen[row] = (screen[row] ?? '').slice(0, column)
      else if (escape?.endsWith('J')) screen = [...screen.slice(0, row), (screen[row] ?? '').slice(0, column)]
      else if (sign === '\r') column = 0
      else if (sign === '\n') {
        row++
        screen[row] ??= ''
      } else if (sign !== undefined) {
        assert.ok(column < columns, 'no line is written beyond the edge')
        screen[row] = (screen[row] ?? '').slice(0, column) + sign + (screen[row] ?? '').slice(column + 1)
        column++
      }
    }
  }
  return {
    write,
    lines: () => screen.slice(0, -1),
    taken: () => {
      const text = written
      written = ''
      return text
    },
  }
}

function streamTo(write: (text: string) => void): Writable {
  return new Writable({ decodeStrings: false, write: (text: string, _, done) => (write(text), done()) })
}

test('whatever frames follow each other, the terminal shows the last one and what was said above, and nothing of those before', () => {
  const frame = fc.array(fc.stringMatching(/^[a-z]{0,10}$/), { maxLength: 5 })
  fc.assert(
    fc.property(fc.array(fc.record({ frame, above: fc.boolean() }), { minLength: 1, maxLength: 8 }), steps => {
      const screen = terminal(10, 6)
      const painter = new Painter(streamTo(screen.write), () => ({ columns: 10, rows: 6 }))
      const said: string[] = []
      for (const [at, step] of steps.entries()) {
        if (step.above) {
          said.push(`said ${at}`)
          painter.above(`said ${at}\r\n`)
        }
        painter.draw(step.frame)
        assert.deepEqual(screen.lines(), [...said, ...step.frame])
      }
    }),
  )
})

test('only lines that changed are written', () => {
  const screen = terminal(20, 10)
  const painter = new Painter(streamTo(screen.write), () => ({ columns: 20, rows: 10 }))
  painter.draw(['one', 'two', 'three'])
  screen.taken()
  painter.draw(['one', 'TWO', 'three'])
  assert.equal(screen.taken(), '\r\x1b[3A\r\n\r\x1b[KTWO\r\n\r\n')
  painter.draw(['one', 'TWO', 'three'])
  assert.equal(screen.taken(), '')
})

test('a narrower terminal has broken the lines: as many rows as they take now are drawn over', () => {
  const size = { columns: 20, rows: 10 }
  const written: string[] = []
  const painter = new Painter(
    streamTo(text => void written.push(text)),
    () => ({ ...size }),
  )
  painter.draw(['x'.repeat(18), 'short'])
  size.columns = 9
  painter.draw(['new'])
  assert.equal(written.at(-1), '\r\x1b[3A\x1b[Jnew\r\n')
})

test('a terminal that does not read gets the newest frame once it does, and nothing of those between', async () => {
  const written: string[] = []
  let read: (() => void) | undefined
  const slow = new Writable({
    decodeStrings: false,
    highWaterMark: 1,
    write(text: string, _, done) {
      written.push(text)
      read = done
    },
  })
  const painter = new Painter(slow, () => ({ columns: 20, rows: 10 }))
  for (let at = 0; at < 10_000; at++) painter.draw([`frame ${at}`])
  assert.ok(slow.writableLength < 100, `${slow.writableLength} bytes`)
  const drained = new Promise(resolve => slow.once('drain', resolve))
  read?.()
  await drained
  assert.deepEqual(written, ['\rframe 0\r\n'.replace('\r', '\r\r\x1b[K'), '\r\x1b[1A\r\x1b[Kframe 9999\r\n'])
})
