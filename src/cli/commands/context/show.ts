import type { CommandFile } from '../../command.ts'
import { exit } from '../../exit.ts'
import { isReadableAt } from '../../plain-http.ts'
import { shown } from '../../shown.ts'

/** `slipway context show` */
export const show: CommandFile = {
  declare() {},
  async perform(cli) {
    const { context, url, tenant, token } = await cli.settings()
    const now = {
      ...(context ? { name: context.value } : {}),
      url: url.value,
      ...(tenant ? { tenant: tenant.value } : {}),
      logged_in: token !== undefined,
    }
    if (cli.json) cli.printJson(now)
    else {
      cli.print(
        shown(`${now.name ?? '(no context)'}  ${now.url}${now.tenant === undefined ? '' : `  tenant ${now.tenant}`}`),
      )
      if (isReadableAt(now.url)) cli.tell('That is plain http: whoever is on the way there can read your token.')
      if (!now.logged_in) cli.tell('Not logged in there:  slipway login')
    }
    return exit.done
  },
}
