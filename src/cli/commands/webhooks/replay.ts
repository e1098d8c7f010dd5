import type { Command } from 'commander'
import type { Cli } from '../../cli.ts'
import { type CommandFile, examples } from '../../command.ts'
import { exit } from '../../exit.ts'
import { changing } from '../../interrupt.ts'
import { momentOf } from '../../moment.ts'
import { Refusal } from '../../refusal.ts'
import { changed } from '../../told.ts'
import { tellSent } from './sent.ts'

/** `slipway webhooks replay ID [DELIVERY]` */
export const replay: CommandFile = {
  declare(command: Command) {
    command
      .argument('<id>', 'its id')
      .argument('[delivery]', 'send this one again; one that waits for its next try is tried now')
      .option('--since <time>', 'send everything again that happened since 15m, 12h, 7d ago, or since a time')
    examples(command, 'slipway webhooks replay whk_… dlv_…', 'slipway webhooks replay whk_… --since 2h')
  },
  async perform(cli: Cli, [id, delivery]: [string, string | undefined], { since }: { readonly since?: string }) {
    if (delivery !== undefined && since !== undefined) {
      throw unclear(id, 'One delivery is sent again, or everything since a moment, and not both.')
    }
    const { signal } = cli
    const client = await cli.connect()
    if (delivery !== undefined) {
      return tellSent(cli, await changing(() => client.webhooks.replay(id, delivery, { signal }), lookAt(id)))
    }
    if (since === undefined) throw unclear(id, 'It is not said what is sent again.')
    const from = momentOf(since, cli.world.now(), '--since')
    const replayed = await changing(() => client.webhooks.replayAll(id, { since: from }, { signal }), lookAt(id))
    const sentence = `Everything since ${from} is sent again, in its order.`
    return changed(cli, replayed, sentence, `See it:  slipway webhooks deliveries ${id}`)
  },
}

function lookAt(id: string): string {
  return `Look:  slipway webhooks deliveries ${id}`
}

function unclear(id: string, why: string): Refusal {
  return new Refusal(
    exit.usage,
    'what_again',
    why,
    `One delivery:  slipway webhooks replay ${id} DELIVERY`,
    `Everything:    slipway webhooks replay ${id} --since 2h`,
  )
}
