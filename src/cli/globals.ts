import { Option } from 'commander'

/** Options that every command has. */
export function globals(): Option[] {
  return [
    new Option('--json', 'data as JSON on stdout'),
    new Option('--context <name>', 'the server and token to use (env: SLIPWAY_CONTEXT)'),
    new Option('--url <url>', 'the server (env: SLIPWAY_URL; the token comes from SLIPWAY_TOKEN)'),
    new Option('--tenant <id>', 'for operators: the tenant to work for (env: SLIPWAY_TENANT)'),
    new Option('-y, --yes', 'answer yes where it would ask'),
    new Option('--ascii', 'no characters beyond ASCII in what is drawn'),
  ]
}
