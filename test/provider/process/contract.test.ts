import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Program, providerContract } from '../../contract/provider.ts'
import { processWorld, shell } from './world.ts'

const echo = (lines: readonly string[] = []) => lines.map(line => `echo '${line}'`).join('\n')

/** The suite's programs as shell scripts. */
function imageOf({ label, prints, exitsWith, ignoresTerm, task, probe }: Program) {
  const life =
    exitsWith === undefined ? (ignoresTerm ? 'while :; do sleep 60; done' : 'exec sleep 600') : `exit ${exitsWith}`
  return shell(`# ${label}\n${ignoresTerm ? "trap '' TERM" : ''}\n${echo(prints)}\n${life}\n`, {
    task: {
      program: `#!/bin/sh\necho run >>"$DATA/runs"\n${echo(task?.prints)}\n${task?.exitsWith === 'never' ? 'exec sleep 600' : `exit ${task?.exitsWith ?? 0}`}\n`,
    },
    probe: { program: `#!/bin/sh\nexit ${probe ?? 0}\n` },
  })
}

providerContract('process', async () => {
  const world = await processWorld()
  return {
    provider: world.provider,
    image: program => world.image(imageOf(program)),
    missingImage: 'file:./not/there',
    taskRuns(instanceId, service) {
      const runs = join(world.dataDir, 'instances', instanceId, 'data', service, 'runs')
      return existsSync(runs) ? readFileSync(runs, 'utf8').split('\n').length - 1 : 0
    },
    reopen: () => world.reopen(),
    dispose: () => world.dispose(),
  }
})
