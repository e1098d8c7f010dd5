import type { Command } from 'commander'
import type { Cli } from '../cli.ts'
import { type CommandFile, examples } from '../command.ts'
import { instanceMeant } from '../find.ts'
import { changing } from '../interrupt.ts'
import { type RequestFlags, requestOf, requestOptions } from '../request.ts'
import { startOptions, type WatchFlags, watched } from '../watching.ts'

/** `slipway deploy INSTANCE` */
export const deploy: CommandFile = {
  declare(command: Command) {
    startOptions(requestOptions(command.argument('<instance>', 'its name, tenant/name or id')))
    examples(
      command,
      'slipway deploy shop --image shop/web:2.4.0',
      'slipway deploy shop --image web=npm:shop@2 --strategy canary --option steps=[10,50,100]',
      'slipway deploy shop --image web=npm:shop@2 --detach --json',
    )
  },
  async perform(cli: Cli, [name]: [string], flags: RequestFlags & WatchFlags) {
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
