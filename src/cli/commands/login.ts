import { askHidden, canAsk } from '../ask.ts'
import type { Cli } from '../cli.ts'
import { type CommandFile, examples } from '../command.ts'
import { contextsFile, readContexts, writeContexts } from '../contexts.ts'
import { exit } from '../exit.ts'
import { isReadable } from '../plain-http.ts'
import { Refusal } from '../refusal.ts'
import { secretValue } from '../secret-value.ts'
import { urlOf } from '../settings.ts'
import { shown } from '../shown.ts'

interface Options {
  readonly tokenStdin?: boolean
  readonly name?: string
  readonly insecureHttp?: boolean
}

/** `slipway login` */
export const login: CommandFile = {
  declare(command) {
    command
      .option('--token-stdin', 'read the token from stdin; on a terminal it is asked for')
      .option('--insecure-http', 'send the token over plain http to another machine, where others can read it')
      .option('--name <name>', 'what the context is called; else the host of the server')
    examples(command, 'slipway login --url https://slipway.example', 'pass slipway | slipway login --token-stdin')
  },
  async perform(cli, _args, options: Options) {
    const { url, tenant } = await cli.settings()
    const at = urlOf(url)
    const address = at.href.replace(/\/+$/, '')
    if (isReadable(at)) {
      if (options.insecureHttp !== true) throw readable(at)
      cli.tell(`Your token goes to ${at.host} over plain http: whoever is on the way can read it.`)
    }
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

function readable({ host }: URL): Refusal {
  return new Refusal(
    exit.usage,
    'insecure_http',
    `${host} is asked over plain http, and whoever is on the way there could read your token: nothing was sent.`,
    `By https:                 slipway login --url https://${host}`,
    'In a network you trust:   the same again with --insecure-http',
  )
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
