import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { ProcessProviderOptions } from '../../../src/provider/process/provider.ts'
import type { RevisionSpec } from '../../../src/provider/provider.ts'
import { type Registry, startRegistry } from './registry.ts'
import { type ProcessWorld, processWorld, until } from './world.ts'

/** A process provider whose npm knows one registry, which is the test's. */
export interface NpmWorld extends ProcessWorld {
  readonly registry: Registry
  /** What npm keeps of the registry's answers. */
  readonly cache: string
  /** The pid of the next npm, where the environment's own writes it to `$STARTED`. */
  npm(): Promise<number>
  /** Prepares a revision in a control plane of its own. */
  prepareElsewhere(spec: RevisionSpec): { readonly ended: Promise<string>; kill(): Promise<void> }
}

export async function npmWorld(
  more: Readonly<Record<string, string>> = {},
  options: Partial<ProcessProviderOptions> = {},
): Promise<NpmWorld> {
  const registry = await startRegistry()
  const cache = mkdtempSync(join(tmpdir(), 'slipway-npm-cache-'))
  const npmEnv = {
    ...process.env,
    npm_config_registry: registry.url,
    npm_config_cache: cache,
    npm_config_userconfig: join(cache, 'none'),
    ...more,
  }
  const world = await processWorld({ ...options, npmEnv })
  const dispose = world.dispose.bind(world)
  return Object.assign(world, {
    registry,
    cache,
    async npm() {
      const file = more['STARTED'] ?? ''
      await until('npm was started', () => existsSync(file))
      const pid = Number(readFileSync(file, 'utf8'))
      rmSync(file)
      return pid
    },
    prepareElsewhere(spec: RevisionSpec) {
      const file = fileURLToPath(new URL('./preparing.ts', import.meta.url))
      const child = spawn(process.execPath, [file, world.dataDir, JSON.stringify(spec)], {
        env: npmEnv,
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      return {
        ended: text(child.stdout),
        async kill() {
          const gone = once(child, 'exit')
          child.kill('SIGKILL')
          await gone
        },
      }
    },
    async dispose() {
      await dispose()
      await registry.close()
      rmSync(cache, { recursive: true, force: true })
    },
  })
}
