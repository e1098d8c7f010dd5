import type { Client, Instance } from '../client/index.ts'
import { confirmYes } from './ask.ts'
import type { Cli } from './cli.ts'
import { type ExitCode, exit } from './exit.ts'
import { findInstance } from './find.ts'
import { changing } from './interrupt.ts'
import { type Act, perform, removedBy, waitsForSuccess } from './project/act.ts'
import { describe } from './project/describe.ts'
import { type ProjectFile, readProject } from './project/read.ts'
import { reconcile } from './project/reconcile.ts'
import { Refusal } from './refusal.ts'
import { type RequestFlags, termsOf } from './request.ts'
import { type WatchFlags, watched } from './watching.ts'

/** What a project file asks for, on the server as it is now. */
export interface Asked {
  readonly client: Client
  readonly file: ProjectFile
  /** Absent when there is none of this name yet. */
  readonly instance: Instance | undefined
  readonly acts: readonly Act[]
}

/** Reads the file, and what there is, and says what has to be done. */
export async function askedBy(cli: Cli, path: string | undefined, flags: RequestFlags): Promise<Asked> {
  if (flags.image !== undefined) {
    throw new Refusal(
      exit.usage,
      'usage',
      'Images are named by the file, or by --image, and not by both.',
      'For one image alone:  slipway deploy INSTANCE --image SERVICE=IMAGE',
    )
  }
  const file = await readProject(path, cli.world)
  const { name, tenant: owner } = file.project
  const tenant = owner ?? (await cli.settings()).tenant?.value
  const client = await cli.connect(tenant)
  const instance = await existing(client, tenant === undefined ? name : `${tenant}/${name}`, cli.signal)
  return {
    client,
    file,
    instance,
    acts: reconcile(file.project, instance, await termsOf(cli, client, instance, flags)),
  }
}

/** Brings the instance to what the file says: the acts are told as they are, and then performed as they were told. */
export async function deployFile(
  cli: Cli,
  path: string | undefined,
  flags: RequestFlags & WatchFlags,
): Promise<ExitCode> {
  const { client, file, instance, acts } = await askedBy(cli, path, flags)
  const { name } = file.project
  if (!cli.json) {
    cli.tell(`${file.shown}: ${name}`)
    for (const line of acts.flatMap(describe)) cli.tell(`  ${line}`)
  }
  const removed = removedBy(acts)
  if (removed.length > 0) {
    await confirmYes(cli, `${name} loses ${removed.join(', ')}, which the file does not name.`)
  }
  let id = instance?.id
  for (const [at, act] of acts.entries()) {
    // Between two acts nothing is under way that Ctrl-C could leave half done.
    cli.signal.throwIfAborted()
    const performed = await changing(
      () => perform(act, client, { id, signal: cli.signal }),
      `Look:  slipway ps ${name}`,
    )
    if (performed.kind === 'update' || performed.kind === 'expose') continue
    const { answer } = performed
    if ('instance' in answer) id = answer.instance.id
    const started = 'instance' in answer ? { ...answer.deployment, last_event_id: answer.last_event_id } : answer
    // What is queued behind the deploy is watched as well, after it.
    const code = await watched(cli, client, started, flags)
    const rest = acts.slice(at + 1)
    if (code !== exit.done || (flags.detach && rest.some(waitsForSuccess))) {
      tellRest(cli, rest)
      return code
    }
  }
  return exit.done
}

function tellRest(cli: Cli, rest: readonly Act[]): void {
  if (cli.json || rest.length === 0) return
  cli.tell('Not done yet; the same command does it once the deploy has succeeded:')
  for (const line of rest.flatMap(describe)) cli.tell(`  ${line}`)
}

async function existing(client: Client, name: string, signal: AbortSignal): Promise<Instance | undefined> {
  try {
    return await findInstance(client, name, { signal })
  } catch (error) {
    if (error instanceof Refusal && error.code === 'not_found') return undefined
    throw error
  }
}
