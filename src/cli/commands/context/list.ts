import { cell } from '../../columns.ts'
import type { CommandFile } from '../../command.ts'
import { readContexts } from '../../contexts.ts'
import { listed } from '../../told.ts'

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
    return listed(
      cli,
      all,
      ['', 'NAME', 'SERVER', 'TENANT', 'TOKEN'],
      ({ name, url, tenant, current, logged_in }) => [
        current ? cli.style.arrow : '',
        cell(name),
        cell(url),
        cell(tenant),
        logged_in ? 'yes' : 'no',
      ],
      'No contexts yet. Make one:  slipway login --url URL',
    )
  },
}
