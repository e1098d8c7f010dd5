import { existsSync } from 'node:fs'
import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Deployment, hasEnded } from '../../src/deploy/deployment.ts'
import { stopProxy } from '../../src/router/proxy/router.ts'
import type { Moment } from '../support/control-plane.ts'
import { DiedEarly, type Doomed, startDoomed } from '../support/doomed.ts'
import { type Own, serverImage, workerImage } from '../support/image.ts'
import { processesOf } from '../support/processes.ts'
import { type Books, openBooks } from './books.ts'
import { violationsOf } from './invariants.ts'

/** A machine whose control plane is a process that can be killed at any moment, and is started again. */
export interface Site {
  readonly dataDir: string
  readonly tenantId: string
  /** The control plane that was started last. */
  readonly plane: Doomed
  readonly books: Books
  server(version: string, own?: Omit<Own, 'version'>): Promise<string>
  worker(version: string): Promise<string>
  /**
   * Starts a control plane in place of the last one, which is killed if it lives. With an end, it dies at that moment, or is killed so
   * long after its start; resolves to whether it came up.
   */
  restart(end?: Moment | { readonly afterMs: number }): Promise<boolean>
  /** Waits until the deployment has ended, whichever control plane brings it there. */
  ended(deploymentId: string): Promise<Deployment>
  /** What does not hold of the instances once they are at rest: see `violationsOf`. */
  violations(instanceIds: readonly string[]): Promise<string[]>
  /** Kills everything, and removes the folder. */
  dispose(): Promise<void>
}

/** How long a deployment may take before it counts as stuck. */
const endPatienceMs = 60_000

/** Makes a site with its first control plane. */
export async function startSite(below = tmpdir()): Promise<Site> {
  const folder = await realpath(await mkdtemp(join(below, 'slipway-site-')))
  const [dataDir, images] = [join(folder, 'data'), join(folder, 'images')]
  const tenantId = 't1'
  let plane = await startDoomed(dataDir, tenantId)
  const books = openBooks(dataDir, tenantId)
  const site: Site = {
    dataDir,
    tenantId,
    books,
    get plane() {
      return plane
    },
    server: (version, own = {}) => serverImage(images, { version, ...own }),
    worker: version => workerImage(images, version),
    async restart(end) {
      await plane.kill()
      const early = end && ('afterMs' in end ? { killAfterMs: end.afterMs } : { moment: end })
      try {
        plane = await startDoomed(dataDir, tenantId, 'worker', early)
        return true
      } catch (error) {
        if (end && error instanceof DiedEarly) return false
        throw error
      }
    },
    async ended(deploymentId) {
      for (const until = performance.now() + endPatienceMs; ; await delay(25)) {
        const now = await books.deployment(deploymentId)
        if (now && hasEnded(now.state)) return now
        if (performance.now() > until) {
          const steps = (await books.steps(deploymentId)).map(
            ({ phase, step, state }) => `${phase} ${step.name} ${state}`,
          )
          throw new Error(`The deployment ${deploymentId} is stuck: ${JSON.stringify({ ...now, steps }, null, 1)}`)
        }
      }
    },
    violations: ids => violationsOf(site, ids),
    async dispose() {
      books.close()
      await plane.kill()
      if (existsSync(dataDir)) await stopProxy(dataDir)
      for (const pid of processesOf(folder)) kill(pid)
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
  return site
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    void error // because it ended with another one
  }
}
