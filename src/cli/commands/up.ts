import { resolve } from 'node:path'
import { pid } from 'node:process'
import { InvalidArgumentError, Option } from 'commander'
import { everyTenant } from '../../auth/auth.ts'
import type { Slipway } from '../../index.ts'
import type { ListenOptions, Server } from '../../server/index.ts'
import type { Cli } from '../cli.ts'
import { type CommandFile, examples } from '../command.ts'
import { contextsFile, readContexts, writeContexts } from '../contexts.ts'
import { databaseFlags, databaseUrl } from '../database-url.ts'
import { type ExitCode, exit } from '../exit.ts'
import { Refusal } from '../refusal.ts'

interface Options {
  readonly data: string
  readonly database?: string
  readonly databaseUrlStdin?: boolean
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

/** The tenant that whoever starts a server works for until they say another one. */
const firstTenant = 'default'

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
      .addOption(
        new Option('--log <level>', 'what is told on stderr').choices(['info', 'warn', 'silent']).default('warn'),
      )
    databaseFlags(command, '--database', 'PostgreSQL to keep everything in, instead of a file')
    examples(
      command,
      'slipway up',
      'slipway up --data /var/lib/slipway/data --host 0.0.0.0 --tls-cert fullchain.pem --tls-key key.pem',
    )
  },
  async perform(cli, _args, options: Options) {
    const [{ createSlipway, stopProxy }, { createServer }] = await Promise.all([
      import('../../index.ts'),
      import('../../server/index.ts'),
    ])
    const dataDir = resolve(cli.world.cwd, options.data)
    const oidc = options.oidc === undefined ? undefined : await issuersIn(resolve(cli.world.cwd, options.oidc))
    const tls = tlsOf(cli, options)
    const database = await databaseUrl(cli, options.database, options.databaseUrlStdin)
    const slipway = await createSlipway({
      dataDir,
      logLevel: options.log,
      ...(oidc ? { oidc } : {}),
      ...(database === undefined ? {} : { database }),
    })
    // By the tokens, and not by the folder: a first start that was refused, or killed, made the folder and told no token.
    const isNew = (await slipway.store.tokens.list(everyTenant, { limit: 1 })).total === 0
    const server = createServer(slipway)
    try {
      return await serve(cli, slipway, server, { ...options, ...tls, dataDir, isNew })
    } catch (error) {
      await server.close()
      await slipway.close()
      // Where nobody was let in yet there is no traffic, so nothing is left running by a start that was refused.
      if (isNew) await stopProxy(dataDir)
      throw error
    }
  },
}

/** What it is started with, and whether nobody was let in yet. */
interface Start extends Options, Pick<ListenOptions, 'tls'> {
  readonly dataDir: string
  readonly isNew: boolean
}

async function serve(
  cli: Cli,
  slipway: Slipway,
  server: Server,
  { dataDir, isNew, ...options }: Start,
): Promise<ExitCode> {
  const { endOnSignals } = await import('../../server/index.ts')
  const { url } = await server.listen({
    host: options.host,
    port: options.port ?? portOf(cli.world.env['SLIPWAY_PORT'] || '7420'),
    ...(options.tls ? { tls: options.tls } : {}),
    ...(options.behindProxy ? { behindProxy: true } : {}),
  })
  const ended = new Promise<ExitCode>(done => {
    const listeners = new Map<string, { dispose(): void }>()
    endOnSignals(server, slipway, {
      deadlineMs: endMs,
      process: {
        on: (signal, listener) =>
          listeners.set(
            signal,
            cli.world.onInterrupt(caught => {
              // A terminal that is closed ends what runs in it.
              if (caught === signal || (caught === 'SIGHUP' && signal === 'SIGTERM')) listener()
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
    cli.printJson({ url, front_url: front, data_dir: dataDir, pid, ...(secret === undefined ? {} : { token: secret }) })
  } else {
    const { bold, dim } = cli.style
    cli.print(`Slipway listens at ${bold(url)}`)
    cli.print(`  traffic  ${front}  ${dim('by host name: INSTANCE.TENANT.localhost')}`)
    cli.print(`  data     ${dataDir}`)
    if (secret !== undefined) {
      cli.print(`  token    ${secret}  ${dim('an operator’s, shown this once')}`)
      if (kept === undefined) cli.print(`  ${dim('Log in with it:  slipway login --url')} ${url}`)
      else cli.print(`  ${dim(`kept as context ${kept.name} in ${contextsFile(cli.world)}`)}`)
      if (kept?.isUsed === false)
        cli.print(`  ${dim(`another one is in use; take it:  slipway context use ${kept.name}`)}`)
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
  // What could not be let go of would keep the process from ending.
  if (code !== exit.done) cli.world.leave(code)
  return code
}

/** Keeps the first token as the context `local`, and uses it unless another one is in use. */
async function keep(
  cli: Cli,
  url: string,
  token: string,
): Promise<{ readonly name: string; readonly isUsed: boolean }> {
  const known = await readContexts(cli.world)
  const name = 'local'
  const contexts = { ...known.contexts, [name]: { url, token, tenant: firstTenant } }
  const current = known.current ?? name
  await writeContexts(cli.world, { current, contexts })
  return { name, isUsed: current === name }
}

function tlsOf({ world }: Cli, { tlsCert, tlsKey }: Options): Pick<ListenOptions, 'tls'> {
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
