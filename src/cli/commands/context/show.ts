import type { CommandFile } from '../../command.ts'
import { exit } from '../../exit.ts'
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
      if (!now.logged_in) cli.tell('Not logged in there:  slipway login')
    }
    return exit.done
  },
}
