// `npm start`: a small shop under constant load, released by every strategy, and not one request lost.
// --once ends after the scenario, also on a terminal; --json prints events and a summary as JSON lines on stdout.
import { demo } from './demo/scenario.ts'
import { optionsOf } from './stage/options.ts'
import { play } from './stage/play.ts'

process.exitCode = await play([demo], optionsOf(process.argv.slice(2)))
