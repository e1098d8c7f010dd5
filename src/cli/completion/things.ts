import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Client } from '../../client/index.ts'
import type { Cli } from '../cli.ts'
import { everyCode } from '../codes.ts'
import { readContexts } from '../contexts.ts'
import { listed } from '../find.ts'
import type { Candidate } from './place.ts'

/** How long the server may take to say what there is, milliseconds: whoever presses Tab waits for it. */
const budgetMs = 300
/** What the server said is good for so long, milliseconds. */
const freshMs = 10_000
/** And so long where it says nothing in time. */
const staleMs = 600_000

/** Things by the names that arguments and options have for them. */
const kinds: Readonly<Record<string, (cli: Cli) => Promise<Candidate[]>>> = {
  instance: cli => ofServer(cli, 'instances', instances),
  instances: cli => ofServer(cli, 'instances', instances),
  deployment: cli => ofServer(cli, 'deployments', deployments),
  context: contexts,
  code: async () => everyCode().map(({ code, meaning }) => ({ text: code, about: meaning })),
}

/** What there is of a kind; nothing for a kind that is not known here, and where it can't be had in time. */
export async function thingsOf(cli: Cli, kind: string): Promise<Candidate[]> {
  return (await kinds[kind]?.(cli)) ?? []
}

async function contexts({ world }: Cli): Promise<Candidate[]> {
  return Object.entries((await readContexts(world)).contexts).map(([text, { url }]) => ({ text, about: url }))
}

type Ask = (client: Client, signal: AbortSignal) => Promise<Candidate[]>

const instances: Ask = async (client, signal) => {
  const { items } = await listed({ signal }, of => client.instances.list({ limit: 200 }, of).page())
  return items
    .filter(({ state }) => state !== 'deleted')
    .map(({ name, tenant_id }) => ({ text: name, about: tenant_id }))
}

const deployments: Ask = async (client, signal) => {
  const { items } = await listed({ signal }, of => client.deployments.list({ limit: 50 }, of).page())
  return items.map(({ id, kind, state }) => ({ text: id, about: `${kind} ${state}` }))
}

interface Kept {
  readonly at: number
  readonly candidates: Candidate[]
}

async function ofServer(cli: Cli, what: string, ask: Ask): Promise<Candidate[]> {
  const file = await fileOf(cli, what)
  const kept = await read(file)
  const age = kept ? cli.world.now() - kept.at : Infinity
  if (kept && age >= 0 && age < freshMs) return kept.candidates
  try {
    const client = await cli.connect()
    const candidates = await ask(client, AbortSignal.timeout(budgetMs))
    await keep(file, { at: cli.world.now(), candidates })
    return candidates
  } catch (error) {
    void error // because a Tab is no place to tell of it: the command itself will
    return kept && age < staleMs ? kept.candidates : []
  }
}

/** One for each server, token and tenant: what one may see is nothing for another. */
async function fileOf({ world, settings }: Cli, what: string): Promise<string> {
  const { url, token, tenant } = await settings()
  const whose = createHash('sha256')
    .update(JSON.stringify([url.value, token?.value, tenant?.value]))
    .digest('hex')
  const folder = world.env['XDG_CACHE_HOME'] || join(world.home, '.cache')
  return join(folder, 'slipway', `${what}-${whose.slice(0, 16)}.json`)
}

async function read(file: string): Promise<Kept | undefined> {
  try {
    const kept = JSON.parse(await readFile(file, 'utf8')) as Partial<Kept> | null
    return typeof kept?.at === 'number' && Array.isArray(kept.candidates) ? (kept as Kept) : undefined
  } catch (error) {
    void error // because what is not there or damaged is asked for anew
    return undefined
  }
}

async function keep(file: string, kept: Kept): Promise<void> {
  const written = `${file}.${process.pid}`
  try {
    await mkdir(join(file, '..'), { recursive: true, mode: 0o700 })
    await writeFile(written, JSON.stringify(kept), { mode: 0o600 })
    await rename(written, file)
  } catch (error) {
    void error // because without it the server is asked again, no more
    await rm(written, { force: true })
  }
}
