import { Argument } from 'commander'
import { type CommandFile, examples } from '../command.ts'
import { type Shell, scripts, shells } from '../completion/scripts.ts'
import { exit } from '../exit.ts'

/** `slipway completion SHELL` */
export const completion: CommandFile = {
  declare(command) {
    command.addArgument(new Argument('<shell>', 'which one').choices(shells))
    examples(
      command,
      'source <(slipway completion bash)',
      'source <(slipway completion zsh)',
      'slipway completion fish > ~/.config/fish/completions/slipway.fish',
    )
  },
  async perform(cli, [shell]: [Shell]) {
    if (cli.json) cli.printJson({ shell, script: scripts[shell] })
    else cli.print(scripts[shell].trimEnd())
    return exit.done
  },
}
