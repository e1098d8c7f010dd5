import type { Command } from 'commander'
import type { Cli } from '../cli.ts'
import { type CommandFile, examples } from '../command.ts'
import { deployFile } from '../deploy-file.ts'
import { exit } from '../exit.ts'
import { instanceMeant } from '../find.ts'
import { changing } from '../interrupt.ts'
import { Refusal } from '../refusal.ts'
import { type RequestFlags, requestOf, requestOptions } from '../request.ts'
import { startOptions, type WatchFlags, watched } from '../watching.ts'

/** `slipway deploy INSTANCE --image …` for what is named, `slipway deploy -f FILE` for all that a project file says. */
export const deploy: CommandFile = {
  declare(command: Command) {
    startOptions(
      requestOptions(
        command
          .argument('[instance]', 'its name, tenant/name or id; without it: what the project file says')
          .option('-f, --file <file>', 'the project file (default: slipway.yaml, here or in a folder above)'),
      ),
    )
    examples(
      command,
      'slipway deploy',
      'slipway deploy -f shop/slipway.yaml --strategy canary',
      'slipway deploy shop --image shop/web:2.4.0',
      'slipway deploy shop --image web=npm:shop@2 --strategy canary --option steps=[10,50,100]',
      'slipway deploy shop --image web=npm:shop@2 --detach --json',
    )
  },
  async perform(cli: Cli, [name]: [string | undefined], flags: RequestFlags & WatchFlags & { readonly file?: string }) {
    if (name === undefined) return await deployFile(cli, flags.file, flags)
    if (flags.file !== undefined) throw bothNamed
    const { client, of } = await instanceMeant(cli, name)
    const request = await requestOf(cli, client, of, flags)
    const { signal } = cli
    const accepted = await changing(
      () => client.deployments.create(of.id, request, { signal }),
      `Look:  slipway ps ${of.name}`,
    )
    return await watched(cli, client, accepted, flags)
  },
}

const bothNamed = new Refusal(
  exit.usage,
  'usage',
  'The file names its instance itself.',
  'Give one of them:  slipway deploy INSTANCE --image …   or   slipway deploy -f FILE',
)
