import { cell, columns } from '../../columns.ts'
import type { CommandFile } from '../../command.ts'
import { readContexts } from '../../contexts.ts'
import { exit } from '../../exit.ts'

/** `slipway context list` */
export const list: CommandFile = {
  declare() {},
  async perform(cli) {
    const { current, contexts } = await readContexts(cli.world)
    // Without the tokens: what lists is pasted into tickets.
    const all = Object.entries(contexts).map(([name, { url, tenant, token }]) => ({
      name,
      url,
      ...(tenant === undefined ? {} : { tenant }),
      current: name === current,
      logged_in: token !== undefined,
    }))
    if (cli.json) cli.printJson(all)
    else if (all.length === 0) cli.tell('No contexts yet. Make one:  slipway login --url URL')
    else {
      const rows = all.map(({ name, url, tenant, current, logged_in }) => [
        current ? '*' : '',
        cell(name),
        cell(url),
        cell(tenant),
        logged_in ? 'yes' : 'no',
      ])
      for (const line of columns(['', 'NAME', 'SERVER', 'TENANT', 'TOKEN'], rows)) cli.print(line)
    }
    return exit.done
  },
}
