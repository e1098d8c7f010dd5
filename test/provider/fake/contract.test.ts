import { fakeClock } from '../../../src/provider/fake/clock.ts'
import { fakeProvider } from '../../../src/provider/fake/provider.ts'
import { providerContract } from '../../contract/provider.ts'

providerContract('the fake', () => {
  const clock = fakeClock()
  let provider = fakeProvider({ clock })
  const { world } = provider
  return {
    provider,
    image(program) {
      const image = `fake:${program.label}`
      const { prints, exitsWith, ignoresTerm, task, probe } = program
      world.image(image, { content: JSON.stringify(program) })
      world.script(
        { image },
        {
          startMs: 10,
          ...(prints ? { logs: prints } : {}),
          ...(exitsWith === undefined ? {} : { exit: { afterMs: 20, code: exitsWith } }),
          ...(ignoresTerm ? { stopMs: 'never' as const } : {}),
          ...(task?.exitsWith === 'never' ? { task: { ms: 600_000 } } : {}),
          ...(task && task.exitsWith !== 'never'
            ? { task: { ms: 50, exitCode: task.exitsWith, output: task.prints } }
            : {}),
          ...(probe === undefined ? {} : { exec: { exitCode: probe } }),
        },
      )
      return image
    },
    missingImage: 'docker.io/missing',
    taskRuns: (instanceId, service) =>
      world.tasks.filter(task => task.instanceId === instanceId && task.service === service).length,
    pass: ms => clock.advance(ms),
    async reopen() {
      await provider.close()
      provider = fakeProvider({ world })
      return provider
    },
    dispose: () => provider.close(),
  }
})
