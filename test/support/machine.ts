import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Deployment } from '../../src/deploy/deployment.ts'
import type { Release } from '../../src/deploy/release.ts'
import type { Instance } from '../../src/instance/instance.ts'
import type { CreateInstanceRequest } from '../../src/instance/schema.ts'
import { stopProxy } from '../../src/router/proxy/router.ts'
import { type Acting, createSlipway, type Slipway, type SlipwayOptions } from '../../src/slipway.ts'
import { type Answer, ask } from './ask.ts'
import { type Own, serverImage, workerImage } from './image.ts'
import { lanePorts } from './ports.ts'
import { processesOf } from './processes.ts'
import { patientStore } from './store.ts'

/** A whole Slipway on real parts: processes, the embedded proxy and a SQLite file (or the `database` it is given), in a folder of its own. */
export interface Machine {
  readonly dataDir: string
  readonly slipway: Slipway
  /** A tenant that has nothing yet. */
  tenant(): Tenant
  /** The image of a server: see `program.mjs`. */
  server(version: string, own?: Omit<Own, 'version'>): Promise<string>
  /** The image of a program without a port. */
  worker(version: string): Promise<string>
  /** Lets go of everything, as a control plane does that is stopped; does `meanwhile`; and opens it again. */
  reopen(meanwhile?: () => Promise<void>): Promise<void>
  /** Deletes every instance, ends the proxy, removes the folder. Throws when anything of it is still running then. */
  dispose(): Promise<void>
}

/** One tenant of a machine, and what tests do as it. */
export interface Tenant {
  readonly id: string
  readonly acting: Acting
  /** Creates an instance named `shop` and waits until it is up. */
  up(services: CreateInstanceRequest['services'], more?: Partial<CreateInstanceRequest>): Promise<Instance>
  /** Waits for the end of a deployment. */
  end(of: Pick<Deployment, 'id'>): Promise<Deployment>
  /** The same, and throws unless it succeeded. */
  done(of: Pick<Deployment, 'id'>): Promise<Deployment>
  /** Follows a deployment until it is as wanted, and throws when it ends before. */
  reach(of: Pick<Deployment, 'id'>, is: (now: Deployment) => boolean): Promise<Deployment>
  /** A request from outside to the shop, or to one of its services. */
  ask(path?: string, service?: string): Promise<Answer>
  /** The host name of the shop. */
  readonly host: string
  /** Releases of an instance, version 1 first. */
  releases(instance: Pick<Instance, 'id'>): Promise<Release[]>
}

/** Rollouts that give up and cut early, for tests that make them. */
export const hasty = { progressDeadlineMs: 15_000, drainMs: 5_000 } as const

const silent = { info: () => {}, warn: () => {} }

/** Puts a machine up, in a new folder below `below`. */
export async function startMachine(options: SlipwayOptions = {}, below = tmpdir()): Promise<Machine> {
  const folder = await realpath(await mkdtemp(join(below, 'slipway-machine-')))
  const dataDir = join(folder, 'data')
  const images = join(folder, 'images')
  const open = async () =>
    createSlipway({
      log: silent,
      ports: lanePorts(),
      ...options,
      ...(options.store || options.database ? {} : { store: await patientStore(dataDir, options.clock) }),
      dataDir,
    })
  let slipway = await open()
  const tenants: Tenant[] = []

  const machine: Machine = {
    dataDir,
    get slipway() {
      return slipway
    },
    tenant() {
      const tenant = tenantOf(machine, `t${tenants.length + 1}`)
      tenants.push(tenant)
      return tenant
    },
    server: (version, own = {}) => serverImage(images, { version, ...own }),
    worker: version => workerImage(images, version),
    async reopen(meanwhile) {
      await slipway.close()
      await meanwhile?.()
      slipway = await open()
    },
    async dispose() {
      try {
        await Promise.all(tenants.map(({ acting }) => deleteAll(acting)))
        await slipway.close()
        await stopProxy(dataDir)
        const left = processesOf(folder)
        if (left.length > 0) throw new Error(`Still running below ${folder}: ${left.join(', ')}`)
      } catch (error) {
        // One that is left open would go on trying, and keep the tests from ending.
        await slipway.close().catch((failed: unknown) => void failed) // because the first failure is the one to tell
        for (const pid of processesOf(folder)) kill(pid)
        throw error
      }
      await rm(folder, { recursive: true, force: true })
    },
  }
  return machine
}

function tenantOf(machine: Machine, id: string): Tenant {
  const host = `shop.${id}.localhost`
  const tenant: Tenant = {
    id,
    host,
    get acting() {
      return machine.slipway.as({ tenantId: id, subject: 'ana' })
    },
    async up(services, more = {}) {
      const { instance, deployment } = await tenant.acting.instances.create({
        name: 'shop',
        services,
        policies: hasty,
        ...more,
      })
      await tenant.done(deployment)
      return await tenant.acting.instances.get(instance.id)
    },
    end: ({ id: deploymentId }) => tenant.acting.finished(deploymentId),
    async done(of) {
      const ended = await tenant.end(of)
      if (ended.state === 'succeeded') return ended
      throw new Error(`The ${ended.kind} ended ${ended.state}: ${ended.error}`)
    },
    async reach({ id: deploymentId }, is) {
      for await (const event of tenant.acting.watch(deploymentId)) {
        void event // it only says that something changed
        const now = await tenant.acting.getDeployment(deploymentId)
        if (is(now)) return now
      }
      const { state, error } = await tenant.acting.getDeployment(deploymentId)
      throw new Error(`Deployment ${deploymentId} ended ${state} before it came to that: ${error}`)
    },
    ask: (path, service) => ask(machine.slipway.front, service ? `${service}.${host}` : host, path),
    async releases({ id: instanceId }) {
      const { items } = await tenant.acting.listReleases(instanceId, { limit: 200 })
      return items.toReversed()
    },
  }
  return tenant
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    void error // because it ended with another one
  }
}

async function deleteAll(acting: Acting): Promise<void> {
  const { items } = await acting.instances.list({ limit: 200 })
  await Promise.all(
    items.map(async ({ id }) => {
      const ended = await acting.finished((await acting.instances.delete(id)).id)
      if (ended.state !== 'succeeded') throw new Error(`${id} was not deleted: ${ended.error}`)
    }),
  )
}
