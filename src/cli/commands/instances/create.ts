import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { CreateInstance } from '../../../client/index.ts'
import { messageOf } from '../../../errors.ts'
import type { Cli } from '../../cli.ts'
import { type CommandFile, examples } from '../../command.ts'
import { exit } from '../../exit.ts'
import { changing } from '../../interrupt.ts'
import { Refusal } from '../../refusal.ts'
import { startOptions, type WatchFlags, watched } from '../../watching.ts'

/** `slipway instances create -f FILE` */
export const create: CommandFile = {
  declare(command: Command) {
    startOptions(command.requiredOption('-f, --file <file>', 'what to create, as YAML or JSON: the fields of the API'))
    examples(command, 'slipway instances create -f shop.yaml', 'slipway instances create -f shop.json --detach --json')
  },
  async perform(cli: Cli, _: unknown[], flags: WatchFlags & { readonly file: string }) {
    const { signal } = cli
    const instance = await instanceIn(resolve(cli.world.cwd, flags.file))
    const client = await cli.connect()
    const created = await changing(() => client.instances.create(instance, { signal }), 'Look:  slipway ps')
    if (flags.detach && cli.json) {
      cli.printJson(created)
      return exit.done
    }
    const { deployment, last_event_id } = created
    if (!cli.json) cli.tell(`${created.instance.name} is made: ${created.instance.id}`)
    return await watched(cli, client, { id: deployment.id, last_event_id }, flags)
  },
}

/** What the file says; whether it is right is for the server to say. */
async function instanceIn(file: string): Promise<CreateInstance> {
  const { parse } = await import('yaml')
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    throw new Refusal(exit.usage, 'file_unreadable', `${file} can't be read: ${messageOf(error)}.`)
  }
  try {
    const read: unknown = parse(text, { maxAliasCount: 100 })
    if (typeof read === 'object' && read !== null) return read as CreateInstance
  } catch (error) {
    throw new Refusal(exit.usage, 'file_malformed', `${file} is not YAML: ${messageOf(error)}`)
  }
  throw new Refusal(exit.usage, 'file_malformed', `${file} says nothing about an instance.`)
}
