import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { type Piece, screensOf, type TimedScreen, textOf } from '../../scripts/recording/screen.ts'
import { storyOf } from '../../scripts/recording/story.ts'
import { svgOf } from '../../scripts/recording/svg.ts'
import { textOf as documentOf, root } from '../docs/markdown.ts'

const size = { columns: 40, rows: 4 }
/** Made anew with SLIPWAY_TEST_WRITE=small.svg, to be looked at. */
const golden = join(root, 'test/recording/small.svg')

/** A block that is drawn over: a bar that grows, beneath a line that stays. */
const pieces: readonly Piece[] = [
  { atMs: 0, text: '\u001B[32m ✔\u001B[0m a <b> & "c"\r\n\u001B[36m██\u001B[0m\u001B[2m░░\u001B[0m  50 %\r\n' },
  { atMs: 400, text: '\u001B[1A\r\u001B[J\u001B[1m\u001B[36m████\u001B[0m  \u001B[1;31m100 %\u001B[0m\r\n' },
]

describe('a recording', () => {
  test('shows what a terminal shows: what is drawn over is gone, and each look is a run of its own', async () => {
    const screens = await screensOf(pieces, size)
    assert.deepEqual(
      screens.map(({ atMs, screen }) => [atMs, textOf(screen)]),
      [
        [0, ' ✔ a <b> & "c"\n██░░  50 %'],
        [400, ' ✔ a <b> & "c"\n████  100 %'],
      ],
    )
    assert.deepEqual(screens[0]?.screen.slice(0, 2), [
      [
        { column: 1, text: '✔', color: 2 },
        { column: 3, text: 'a <b> & "c"' },
      ],
      [
        { column: 0, text: '██', color: 6 },
        { column: 2, text: '░░', dim: true },
        { column: 6, text: '50 %' },
      ],
    ])
    assert.deepEqual(screens[1]?.screen[1], [
      { column: 0, text: '████', color: 6, bold: true },
      { column: 6, text: '100 %', color: 1, bold: true },
    ])
  })

  test('tells of each step of the wanted acts how it ended, what is between acts, and the end', () => {
    const at = (atMs: number, ...lines: string[]): TimedScreen => ({
      atMs,
      screen: lines.map(text => (text === '' ? [] : [{ column: 0, text }])),
    })
    const act = (atMs: number, number: number, step: string, more = '') =>
      at(atMs, '  demo', ` ${number}/4  web 1 → 2 by canary${more}`, `      ██   40 %  ${step}`)
    const frames = storyOf(
      [
        act(0, 1, 'step 1/2: prepare web'),
        act(100, 2, 'waits for its turn'),
        act(200, 2, 'step 1/2: prepare web'),
        act(300, 2, 'step 2/2: hold 3 s'),
        act(2000, 2, 'step 2/2: hold 3 s'),
        act(2200, 2, 'step back 1/1: retire web', '  undoing'),
        at(2300, '  demo', ' between'),
        act(3000, 3, 'step 1/1: prepare web'),
        at(3100, '  demo', ' the end'),
      ],
      new Set([2]),
    )
    assert.deepEqual(
      frames.map(({ screen, ms }) => [textOf(screen).split('\n').at(-1)?.trim(), ms]),
      [
        ['██   40 %  step 1/2: prepare web', 380],
        ['██   40 %  step 2/2: hold 3 s', 864],
        ['██   40 %  step back 1/1: retire web', 2000],
        ['between', 600],
        ['the end', 5000],
      ],
    )
  })

  test('becomes a picture in which only what changes is drawn twice', async () => {
    const frames = (await screensOf(pieces, size)).map(({ screen }, index) => ({ screen, ms: 500 + index * 1500 }))
    const drawn = svgOf(frames, size, { title: 'Two frames', description: 'A bar grows & is full.' })
    if (process.env['SLIPWAY_TEST_WRITE'] === 'small.svg') writeFileSync(golden, drawn)
    assert.equal(drawn, readFileSync(golden, 'utf8'))
    assert.equal(drawn.match(/✔/g)?.length, 1)
  })
})

describe('the picture in the README', () => {
  const file = join(root, 'docs/pictures/demo.svg')
  const picture = existsSync(file) ? readFileSync(file, 'utf8') : ''

  test('is near its top, with words for those who do not see it', () => {
    const top = documentOf('README.md').split('\n').slice(0, 30).join('\n')
    assert.match(top, /!\[[^\]]{20,}\]\(docs\/pictures\/demo\.svg\)/)
    assert.match(picture, /role="img" aria-labelledby="title desc"/)
    assert.match(picture, /<title id="title">.{10,}<\/title>\n<desc id="desc">.{100,}<\/desc>/)
    assert.match(picture, /@media \(prefers-reduced-motion:reduce\)/)
  })

  test('is a well-formed document of less than 150 kB that comes round in about 25 s', () => {
    const [, seconds = ''] = /\.f\{animation:([\d.]+)s step-end infinite\}/.exec(picture) ?? []
    assert.ok(Number(seconds) > 15 && Number(seconds) < 35, seconds)
    assert.ok(Buffer.byteLength(picture) < 150_000)
    const parse = 'import sys, xml.dom.minidom; print(xml.dom.minidom.parse(sys.argv[1]).documentElement.tagName)'
    assert.equal(execFileSync('python3', ['-c', parse, file], { encoding: 'utf8' }), 'svg\n')
  })

  test('shows a demo that lost nothing and undid what it had to', () => {
    assert.match(picture, /requests lost: 0/)
    assert.match(picture, />failed, restored</)
    assert.match(picture, />rolled_back</)
    assert.doesNotMatch(picture, /✘/)
  })

  test('needs nothing from elsewhere, and tells nothing of the machine it was made on', () => {
    const without = picture.replace('xmlns="http://www.w3.org/2000/svg"', '')
    assert.doesNotMatch(without, /https?:|url\(|@import|<script|<image|href/i)
    assert.doesNotMatch(without, /\/(?:home|root|Users|tmp|work|dev|usr|var)\/|127\.0\.0\.1|localhost/)
    assert.doesNotMatch(without, /\w@\w/)
  })
})
