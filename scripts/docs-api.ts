// Writes docs/api.md anew from the OpenAPI document of a server.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fakeProvider, fakeRouter } from '../src/provider/fake/index.ts'
import { createServer } from '../src/server/index.ts'
import { createSlipway } from '../src/slipway.ts'
import { type ApiDocument, apiPages } from './api-pages.ts'

const dataDir = await mkdtemp(join(tmpdir(), 'slipway-docs-'))
const slipway = await createSlipway({ dataDir, providers: [fakeProvider()], router: fakeRouter() })
const answer = await createServer(slipway).fetch(new Request('http://localhost/v1/openapi.json'))
await writeFile(new URL('../docs/api.md', import.meta.url), apiPages((await answer.json()) as ApiDocument))
await slipway.close()
await rm(dataDir, { recursive: true })
