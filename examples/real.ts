// `npm run example:real`: programs nobody here wrote, from npm, moved from one published version to the next and back under load:
// http-server by canary, and Node-RED by blue-green while the control plane is killed. --json prints events and summaries as JSON lines on
// stdout.

import { parseArgs } from 'node:util'
import { processWorld } from '../src/cli/process-world.ts'
import { play } from '../src/demo/stage/play.ts'
import { httpServer } from './real/http-server.ts'
import { nodeRed } from './real/node-red.ts'

const { values } = parseArgs({ options: { once: { type: 'boolean' }, json: { type: 'boolean', default: false } } })
process.exitCode = await play([httpServer, nodeRed], { ...values, once: true }, processWorld())
