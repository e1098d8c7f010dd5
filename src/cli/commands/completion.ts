import { Argument } from 'commander'
import { type CommandFile, examples } from '../command.ts'
import { type Shell, scriptFor, shells } from '../completion/scripts.ts'
import { exit } from '../exit.ts'

/** `slipway completion` */
export const completion: CommandFile = {
  declare(command) {
    command.addArgument(new Argument('<shell>', 'whose script to print').choices(shells))
    examples(
      command,
      "echo 'source <(slipway completion bash)' >> ~/.bashrc",
      "echo 'source <(slipway completion zsh)' >> ~/.zshrc    # after compinit",
      'slipway completion fish > ~/.config/fish/completions/slipway.fish',
    )
  },
  async perform(cli, [shell]: [Shell]) {
    if (cli.json) cli.printJson({ shell, script: scriptFor[shell] })
    else cli.world.stdout.write(scriptFor[shell])
    return exit.done
  },
}
