import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { InvalidArgumentError } from 'commander'
import type { Slipway } from '../../index.ts'
import type { Cli } from '../cli.ts'
import { type CommandFile, examples } from '../command.ts'
import { contextsFile, readContexts, writeContexts } from '../contexts.ts'
import { type ExitCode, exit } from '../exit.ts'
import { Refusal } from '../refusal.ts'

interface Options {
  readonly data: string
  readonly host: string
  readonly port: number
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly behindProxy?: boolean
  readonly oidc?: string
  readonly login: boolean
  readonly newToken?: boolean
  readonly log: 'info' | 'warn' | 'silent'
}

/** How long ending may take, milliseconds: systemd kills after 30 s as our unit has it. */
const endMs = 25_000

/** `slipway up` */
export const up: CommandFile = {
  declare(command) {
    command
      .option('--data <folder>', 'where everything is kept', 'slipway-data')
      .option('--host <address>', 'where it listens; any but this machine alone needs TLS', '127.0.0.1')
      .option('--port <port>', '0 for any that is free (env: SLIPWAY_PORT)', portOf)
      .option('--tls-cert <file>', 'a certificate, PEM')
      .option('--tls-key <file>', 'its key, PEM')
      .option('--behind-proxy', 'a proxy in front of it ends TLS')
      .option('--oidc <file>', 'whose jobs may log in without a token: a JSON or YAML list of issuers')
      .option('--new-token', 'print another token of an operator, for when the first was lost')
      .option('--no-login', 'do not keep the first token as the context `local`')
      .option('--log <level>', 'info, warn or silent', 'warn')
    examples(
      command,
      'slipway up',
      'slipway up --data /var/lib/slipway/data --host 0.0.0.0 --tls-cert fullchain.pem --tls-key key.pem',
    )
  },
  async perform(cli, _args, options: Options) {
    const { createSlipway } = await import('../../index.ts')
    const dataDir = resolve(cli.world.cwd, options.data)
    // By the database, and not by the folder: whoever made the folder need not have been us.
    const isNew = !existsSync(join(dataDir, 'slipway.db'))
    const oidc = options.oidc === undefined ? undefined : await issuersIn(resolve(cli.world.cwd, options.oidc))
    const slipway = await createSlipway({ dataDir, logLevel: options.log, ...(oidc ? { oidc } : {}) })
    try {
      return await serve(cli, slipway, dataDir, isNew, options)
    } catch (error) {
      await slipway.close()
      throw error
    }
  },
}

async function serve(cli: Cli, slipway: Slipway, dataDir: string, isNew: boolean, options: Options): Promise<ExitCode> {
  const { createServer, endOnSignals } = await import('../../server/index.ts')
  const server = createServer(slipway)
  const { url } = await server.listen({
    host: options.host,
    port: options.port ?? portOf(cli.world.env['SLIPWAY_PORT'] || '7420'),
    ...tlsOf(cli, options),
    ...(options.behindProxy ? { behindProxy: true } : {}),
  })
  const ended = new Promise<ExitCode>(done => {
    // oxlint-disable-next-line typescript/no-unnecessary-condition -- the first signal ends it in order, the second at once
    const listeners = new Map<string, { dispose(): void }>()
    endOnSignals(server, slipway, {
      deadlineMs: endMs,
      process: {
        on: (signal, listener) =>
          listeners.set(
            signal,
            cli.world.onInterrupt(caught => {
              if (caught === signal) listener()
            }),
          ),
        off: signal => listeners.get(signal)?.dispose(),
        exit(code) {
          for (const listener of listeners.values()) listener.dispose()
          done(code === 0 ? exit.done : code > 128 ? exit.interrupted : exit.unexpected)
        },
      },
    })
  })
  const secret = isNew || options.newToken ? (await slipway.issueOperatorToken('up')).secret : undefined
  const kept = secret !== undefined && options.login ? await keep(cli, url, secret) : undefined
  const front = `http://127.0.0.1:${slipway.front.port}`
  if (cli.json) {
    cli.printJson({ url, front_url: front, data_dir: dataDir, ...(secret === undefined ? {} : { token: secret }) })
  } else {
    const { bold, dim } = cli.style
    cli.print(`Slipway listens at ${bold(url)}`)
    cli.print(`  traffic  ${front}  ${dim('by host name: INSTANCE.TENANT.localhost')}`)
    cli.print(`  data     ${dataDir}`)
    if (secret !== undefined) {
      cli.print(`  token    ${secret}  ${dim('an operator’s, shown this once')}`)
      if (kept === undefined) cli.print(`  ${dim('Log in with it:  slipway login --url')} ${url}`)
      else cli.print(`  ${dim(`kept as context ${kept} in ${contextsFile(cli.world)}`)}`)
    }
    cli.tell('Ctrl-C ends it; what it started serves on, and the next `slipway up` takes it up.')
  }
  const code = await ended
  if (!cli.json) {
    cli.tell(
      code === exit.done
        ? 'Ended. Replicas and the proxy serve on; go on with the same command, or end the proxy as well:  slipway down'
        : 'Ended before everything was let go of. Nothing is lost; the next `slipway up` takes it up.',
    )
  }
  return code
}

/** Keeps the first token as the context `local`, and uses it unless another one is in use. */
async function keep(cli: Cli, url: string, token: string): Promise<string> {
  const known = await readContexts(cli.world)
  const name = 'local'
  const contexts = { ...known.contexts, [name]: { url, token } }
  await writeContexts(cli.world, { current: known.current ?? name, contexts })
  return name
}

function tlsOf({ world }: Cli, { tlsCert, tlsKey }: Options) {
  if (tlsCert === undefined && tlsKey === undefined) return {}
  if (tlsCert !== undefined && tlsKey !== undefined) {
    return { tls: { certFile: resolve(world.cwd, tlsCert), keyFile: resolve(world.cwd, tlsKey) } }
  }
  throw new Refusal(exit.usage, 'usage', 'A certificate and its key go together.', 'Give --tls-cert and --tls-key')
}

async function issuersIn(file: string) {
  const { readFile } = await import('node:fs/promises')
  const { parse } = await import('yaml')
  const { messageOf } = await import('../../errors.ts')
  try {
    return parse(await readFile(file, 'utf8')) as NonNullable<
      Parameters<typeof import('../../index.ts').createSlipway>[0]
    >['oidc']
  } catch (error) {
    throw new Refusal(exit.usage, 'file_unreadable', `${file} can't be read as a list of issuers: ${messageOf(error)}.`)
  }
}

function portOf(text: string): number {
  const port = Number(text)
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port
  throw new InvalidArgumentError('It is a number up to 65535.')
}
