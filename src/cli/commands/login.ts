import { askHidden, canAsk } from '../ask.ts'
import type { Cli } from '../cli.ts'
import { type CommandFile, examples } from '../command.ts'
import { contextsFile, readContexts, writeContexts } from '../contexts.ts'
import { exit } from '../exit.ts'
import { Refusal } from '../refusal.ts'
import { secretValue } from '../secret-value.ts'
import { urlOf } from '../settings.ts'
import { shown } from '../shown.ts'

interface Options {
  readonly tokenStdin?: boolean
  readonly name?: string
}

/** `slipway login` */
export const login: CommandFile = {
  declare(command) {
    command
      .option('--token-stdin', 'read the token from stdin; on a terminal it is asked for')
      .option('--name <name>', 'what the context is called; else the host of the server')
    examples(command, 'slipway login --url https://slipway.example', 'pass slipway | slipway login --token-stdin')
  },
  async perform(cli, _args, options: Options) {
    const { url, tenant } = await cli.settings()
    const address = urlOf(url).href.replace(/\/+$/, '')
    const token = (await tokenOf(cli, address, options)).trim()
    const { createClient } = await import('../../client/index.ts')
    // Asked before anything is kept: what is no good is not written down.
    const me = await createClient({ url: address, token, ...cli.calling() }).whoami({ signal: cli.signal })
    const known = await readContexts(cli.world)
    const name = options.name ?? cli.options.context ?? new URL(address).hostname
    const context = { url: address, token, ...(tenant ? { tenant: tenant.value } : {}) }
    await writeContexts(cli.world, { ...known, current: name, contexts: { ...known.contexts, [name]: context } })
    if (cli.json) {
      cli.printJson({ context: name, url: address, ...me })
      return exit.done
    }
    const who = me.operator ? 'an operator' : `tenant ${shown(me.tenant_id)}`
    cli.tell(`Logged in to ${address} as ${shown(me.subject)}, ${who} (${me.scopes.join(', ')}).`)
    cli.tell(`Kept as context ${shown(name)} in ${contextsFile(cli.world)}, which only you can read.`)
    return exit.done
  },
}

async function tokenOf(cli: Cli, address: string, { tokenStdin }: Options): Promise<string> {
  if (tokenStdin) return await secretValue(cli, undefined)
  if (canAsk(cli)) return await askHidden(cli, `Token for ${address} (not shown):`)
  throw new Refusal(
    exit.usage,
    'no_terminal',
    'A token is asked for, and there is no terminal.',
    'Pipe it in:  slipway login --token-stdin < FILE',
  )
}
