// `npm run example:real`: a program nobody here wrote, http-server from npm, moved from one published version to the next and back under
// load. --json prints events and a summary as JSON lines on stdout.
import { realProgram } from './real/scenario.ts'
import { optionsOf } from './stage/options.ts'
import { play } from './stage/play.ts'

process.exitCode = await play(realProgram, { ...optionsOf(process.argv.slice(2)), once: true })
