import { basename } from 'node:path'
import { nameSchema } from '../../instance/schema.ts'
import { exit } from '../exit.ts'
import { Refusal } from '../refusal.ts'
import type { World } from '../world.ts'
import { nameFrom } from './draft.ts'
import type { Answers } from './from-answers.ts'

/** Asks for what no file says. Throws a `Refusal` when it is broken off: nothing was written. */
export async function ask({ stdin, stderr, cwd }: World): Promise<Answers> {
  const { text, confirm, isCancel } = await import('@clack/prompts')
  const terminal = { input: stdin.stream, output: stderr.stream }
  const answered = <T>(answer: T): Exclude<T, symbol> => {
    if (!isCancel(answer)) return answer as Exclude<T, symbol>
    throw new Refusal(exit.interrupted, 'interrupted', 'Nothing was written.', 'Begin again:  slipway init')
  }
  const suggestion = nameFrom(basename(cwd))
  const name = answered(
    await text({
      message: 'What is the application called?',
      placeholder: suggestion,
      defaultValue: suggestion,
      validate: value => (value === undefined || value === '' ? undefined : refusedName(value)),
      ...terminal,
    }),
  )
  const image = answered(
    await text({
      message: 'What does it run? A folder (file:.) or a package of npm (npm:name@version)',
      placeholder: 'file:.',
      defaultValue: 'file:.',
      ...terminal,
    }),
  )
  const command = answered(
    await text({
      message: 'By which command? Empty: what its slipway.json, or the package, says',
      placeholder: 'node server.js',
      defaultValue: '',
      ...terminal,
    }),
  )
  const port = answered(await confirm({ message: 'Does it listen on $PORT?', initialValue: true, ...terminal }))
  return { name, image, command, port }
}

function refusedName(value: string): string | undefined {
  return nameSchema.safeParse(value).error?.issues[0]?.message
}
