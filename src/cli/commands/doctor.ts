import { resolve } from 'node:path'
import { versions } from 'node:process'
import { type CommandFile, examples } from '../command.ts'
import type { Finding } from '../doctor/finding.ts'
import { contextsFinding, dataFinding, nodeFinding } from '../doctor/machine.ts'
import { serverFindings } from '../doctor/server.ts'
import { exit } from '../exit.ts'
import { shown } from '../shown.ts'

/** `slipway doctor` */
export const doctor: CommandFile = {
  declare(command) {
    command.option('--data <folder>', 'the data folder of a server on this machine', 'slipway-data')
    examples(command, 'slipway doctor', 'slipway doctor --data /var/lib/slipway/data')
  },
  async perform(cli, _args, { data }: { data: string }) {
    const { world, signal } = cli
    const findings: Finding[] = []
    const tell = (finding: Finding | undefined): void => {
      if (!finding) return
      findings.push(finding)
      if (!cli.json) write(finding)
    }
    const write = ({ check, ok, found, next }: Finding): void => {
      const mood = ok ? 'good' : 'bad'
      cli.print(`${cli.style.mood(mood, cli.style.glyph(mood))} ${check.padEnd(8)}  ${shown(found)}`)
      if (next !== undefined) cli.print(`  ${''.padEnd(8)}  ${shown(next)}`)
    }
    tell(nodeFinding(versions.node))
    tell(await contextsFinding(world))
    tell(await dataFinding(resolve(world.cwd, data)))
    const settings = await cli.settings()
    for await (const finding of serverFindings({
      settings,
      credential: await cli.credential(),
      now: () => world.now(),
      signal,
    }))
      tell(finding)
    const wrong = findings.filter(({ ok }) => !ok).length
    if (cli.json) cli.printJson(findings)
    else cli.tell(wrong === 0 ? 'All is well.' : wrong === 1 ? 'One thing is wrong.' : `${wrong} things are wrong.`)
    return wrong === 0 ? exit.done : exit.unexpected
  },
}
