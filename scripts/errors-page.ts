import { all, type Explanation } from '../src/cli/commands/explain.ts'

/** docs/errors.md: every code with what it means, why it happens and what to do, as `slipway explain CODE` tells it. */
export function errorsPage(): string {
  const [ofServer, ofCommand] = [
    all().filter(({ status }) => status !== undefined),
    all().filter(({ status }) => status === undefined),
  ]
  return [
    '# Errors',
    '',
    'Made from the program by `npm run docs:errors`. `slipway explain CODE` says the same, without a server.',
    '',
    'A code is a promise: programs may compare it. It stands in brackets after an error of the command line, in `code` of a problem of the API, and in `error_code`',
    'of a deployment that failed.',
    '',
    '## Of the server',
    '',
    ...ofServer.flatMap(section),
    '## Of the command line',
    '',
    ...ofCommand.flatMap(section),
  ]
    .join('\n')
    .replace(/\n+$/, '\n')
}

function section({ code, status, meaning, why, next }: Explanation): string[] {
  const heading = status === undefined ? meaning : `${meaning} (HTTP ${status})`
  return [`### ${code}`, '', plain(heading), '', `- Why: ${plain(why)}`, `- Next: ${plain(next)}`, '']
}

/** What Markdown would take for a tag. */
function plain(text: string): string {
  return text.replaceAll('<', '&lt;')
}
