// `npm run example:real`: programs nobody here wrote, from npm, moved from one published version to the next and back under load:
// http-server by canary, and Node-RED by blue-green while the control plane is killed. --json prints events and summaries as JSON lines on
// stdout.

import { optionsOf } from '../src/demo/stage/options.ts'
import { play } from '../src/demo/stage/play.ts'
import { httpServer } from './real/http-server.ts'
import { nodeRed } from './real/node-red.ts'

process.exitCode = await play([httpServer, nodeRed], { ...optionsOf(process.argv.slice(2)), once: true })
