import type { CommandFile } from '../command.ts'
import { examples } from '../command.ts'

/** `slipway demo` */
export const demo: CommandFile = {
  declare(command) {
    command.option('--once', 'end when the scenario is over, also on a terminal')
    examples(command, 'slipway demo', 'slipway demo --once --json')
  },
  async perform({ json, world }, _, { once = false }: { readonly once?: boolean }) {
    const [{ demo }, { play }] = await Promise.all([
      import('../../demo/scenario.ts'),
      import('../../demo/stage/play.ts'),
    ])
    return await play([demo], { once, json }, world)
  },
}
