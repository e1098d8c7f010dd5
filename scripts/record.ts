// npm run docs:recording: docs/pictures/demo.svg, the demo as it runs on a terminal. Takes a minute.
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { screensOf } from './recording/screen.ts'
import { storyOf } from './recording/story.ts'
import { svgOf } from './recording/svg.ts'
import { recorded } from './recording/terminal.ts'

const size = { columns: 102, rows: 27 }
/** A canary, a broken release and a leaky one that are undone, a switch and its rollback. */
const acts = new Set([3, 6, 7, 8, 9])
const told = {
  title: 'The demo of Slipway in a terminal',
  description:
    'A shop of three services under load. A canary of web takes 5, 25, 50 and then all of the traffic. A release of api that does not start, and one of web that fails its check of the error rate, are undone, and what served before serves on. A blue-green switch is rolled back while its old replicas are still warm. At the end a table lists each deployment, its state and how long it took: no request was lost.',
}

const root = fileURLToPath(new URL('..', import.meta.url))
const pieces = await recorded([process.execPath, 'src/cli/main.ts', 'demo', '--once'], size, root)
const frames = storyOf(await screensOf(pieces, size), acts)
const picture = svgOf(frames, size, told)
writeFileSync(new URL('../docs/pictures/demo.svg', import.meta.url), picture)
const seconds = frames.reduce((sum, { ms }) => sum + ms, 0) / 1000
process.stderr.write(
  `${frames.length} frames, ${seconds.toFixed(1)} s, ${Math.round(Buffer.byteLength(picture) / 1000)} kB\n`,
)
