import type { IncomingMessage } from 'node:http'
import type { Server } from 'node:net'
import { messageOf, SlipwayError } from '../../errors.ts'
import type { DrainReport, RevisionTraffic, RouteTable } from '../router.ts'
import { clientsFor } from './descriptors.ts'
import { drained } from './drain.ts'
import type { Plane } from './exchange.ts'
import { type FrontDoor, frontDoor } from './front-door.ts'
import { hostOf } from './headers.ts'
import { Listeners } from './listeners.ts'
import { Routes } from './routes.ts'
import type { Picker } from './service.ts'
import { Successor } from './successor.ts'
import { type TableFiles, tableFile, tableFiles } from './table-files.ts'
import { addTraffic } from './traffic.ts'
import { Turns } from './turns.ts'

/** What a process that was taken over still has in flight, asked by the one that took over. */
export interface Elder {
  /** Something of it may still be in flight. Afterwards it answers with its last numbers. */
  readonly alive: boolean
  drain(
    instanceId: string,
    replicaIds: readonly string[],
    deadlineMs: number,
    signal: AbortSignal,
  ): Promise<DrainReport>
  traffic(instanceId: string): Promise<readonly RevisionTraffic[]>
  forget(instanceId: string): void
}

/** What a data plane is made with. */
export interface DataPlaneOptions {
  /** The tables, a file each. */
  readonly folder: string
  readonly frontPort: number
  /** The store whose tables go before those of others. */
  readonly storeId?: string | undefined
  /** How many files, sockets and ports the process may have open. */
  readonly descriptors: number
}

/** The proxy itself: tables on disk and in use, ports, and everything in flight. */
export class DataPlane implements Plane {
  readonly #files: TableFiles
  readonly #routes: Routes
  readonly #door: FrontDoor
  readonly #listeners: Listeners
  readonly #torn = new Map<string, string>()
  readonly #turns = new Turns()
  readonly #elders = new Set<Elder>()
  readonly #successor = new Successor()
  #frontPort: number
  #leaving = false

  /** `frontPort` is known from the start, because a port may accept before this process has done anything else. */
  constructor({ folder, frontPort, storeId, descriptors }: DataPlaneOptions) {
    this.#files = tableFiles(folder)
    this.#routes = new Routes(storeId)
    this.#frontPort = frontPort
    this.#door = frontDoor(this, () => clientsFor(descriptors, this.#listeners.all().size))
    this.#listeners = new Listeners(
      socket => this.#door.accept(socket),
      () => clientsFor(descriptors, this.#listeners.all().size + 1) > 0,
    )
  }

  get frontPort(): number {
    return this.#frontPort
  }

  get leaving(): boolean {
    return this.#leaving
  }

  get elders(): Set<Elder> {
    return this.#elders
  }

  route(req: IncomingMessage): Picker | undefined {
    const port = req.socket.localPort ?? 0
    if (this.#leaving) return this.#successor.onPort(port)
    return port === this.#frontPort ? this.#routes.onHost(hostOf(req)) : this.#routes.onPort(port)
  }

  /** Puts every table found on disk in use. Ports are opened by {@link listen}. */
  async restore(): Promise<void> {
    const { tables, torn } = await this.#files.read()
    for (const [name, reason] of torn) this.#torn.set(name, reason)
    for (const table of tables) {
      try {
        this.#routes.claim(table)
        this.#routes.use(table)
      } catch (error) {
        this.#torn.set(tableFile(table.instanceId), messageOf(error))
      }
    }
  }

  /** Opens what is not open yet: the front port (rejects when it is taken, unless it was promised before) and those of all tables. */
  async listen(promised: boolean): Promise<void> {
    if (!promised) this.#frontPort = await this.#listeners.open(this.#frontPort)
    await Promise.all([this.#frontPort, ...this.#ports()].map(async port => this.#listeners.openEventually(port)))
  }

  /** Writes every table again when their folder was removed or replaced under us. Resolves to whether it was. */
  async keep(): Promise<boolean> {
    if (!(await this.#files.replaced())) return false
    await Promise.all(
      this.#routes.tables().map(async ({ instanceId }) =>
        this.#turns.take(instanceId, async () => {
          const table = this.#routes.table(instanceId)
          if (table) await this.#files.write(table)
        }),
      ),
    )
    return true
  }

  /** Files of tables that are not in use, and why. */
  get torn(): ReadonlyMap<string, string> {
    return this.#torn
  }

  /** Listens on a port that the process before listened on until now. */
  adopt(port: number, handle: Server): void {
    this.#listeners.adopt(port, handle)
  }

  listening(): ReadonlyMap<number, Server> {
    return this.#listeners.all()
  }

  async apply(table: RouteTable): Promise<void> {
    await this.#turns.take(table.instanceId, async () => {
      const verdict = this.#routes.judge(table)
      const ports = Object.values(table.services).map(route => route.port)
      if (ports.includes(this.#frontPort)) throw portTaken(this.#frontPort, 'it is the front port')
      const unclaim = this.#routes.claim(table)
      const opened: number[] = []
      try {
        for (const port of ports) {
          // One that was promised before and is a stranger's now is opened as soon as it can be: no other route waits for that.
          if (this.#listeners.has(port) || this.#listeners.awaits(port)) continue
          await this.#listeners.open(port).catch((error: unknown) => {
            throw portTaken(port, messageOf(error))
          })
          opened.push(port)
        }
        if (verdict === 'same') return
        await this.#files.write(table)
      } catch (error) {
        for (const port of opened) this.#listeners.close(port)
        unclaim()
        throw error
      }
      for (const port of this.#routes.use(table)) this.#listeners.close(port)
      this.#torn.delete(tableFile(table.instanceId))
    })
  }

  async forget(instanceId: string, storeId: string, epoch: number): Promise<void> {
    await this.#turns.take(instanceId, async () => {
      this.#routes.judgeForget(instanceId, storeId, epoch)
      await this.#files.remove(instanceId)
      for (const port of this.#routes.forget(instanceId, storeId, epoch)) this.#listeners.close(port)
      for (const elder of this.#elders) elder.forget(instanceId)
      this.#torn.delete(tableFile(instanceId))
    })
  }

  observe(instanceId: string): RouteTable | undefined {
    return this.#routes.table(instanceId)
  }

  async drain(
    instanceId: string,
    replicaIds: readonly string[],
    deadlineMs: number,
    signal: AbortSignal,
  ): Promise<DrainReport> {
    const endpoints = this.#routes.endpoints(instanceId, replicaIds)
    const serving = endpoints.find(endpoint => endpoint.serving)
    if (serving && !this.#leaving) {
      throw new SlipwayError(
        'invalid_request',
        `Replica ${serving.replica} cannot be drained: its table has it serving.`,
        {
          next: 'Apply a table that has it draining first.',
        },
      )
    }
    const elsewhere = [...this.#elders].map(elder => elder.drain(instanceId, replicaIds, deadlineMs, signal))
    const reports = await Promise.all([drained(endpoints, deadlineMs, signal), ...elsewhere])
    return {
      drained: reports.every(report => report.drained),
      cutRequests: reports.reduce((sum, report) => sum + report.cutRequests, 0),
      openWebSockets: reports.reduce((sum, report) => sum + report.openWebSockets, 0),
    }
  }

  async traffic(instanceId: string): Promise<RevisionTraffic[]> {
    const elsewhere = await Promise.all([...this.#elders].map(elder => elder.traffic(instanceId)))
    return addTraffic(this.#routes.traffic(instanceId), ...elsewhere)
  }

  check(): { ok: boolean; message: string } {
    const faults = [
      ...[...this.#torn].map(([file, reason]) => `table ${file} could not be used: ${reason}`),
      ...[...this.#listeners.missing()].map(([port, reason]) => `port ${port} is not open: ${reason}`),
    ]
    const strangers = this.#routes.strangers().map(id => `the table of ${id} belongs to another store`)
    faults.push(...strangers)
    const count = this.#routes.tables().length
    return { ok: faults.length === 0, message: [`routes ${count} instances`, ...faults].join('; ') }
  }

  /** From now on another process accepts; what still arrives on connections of ours is passed on to it. Resolves once nothing is open. */
  async leave(): Promise<void> {
    this.#leaving = true
    this.#listeners.closeAll()
    for (const endpoint of this.#routes.everyEndpoint()) endpoint.serve(false)
    while (this.#leaving && (this.#door.connections > 0 || [...this.#elders].some(elder => elder.alive)))
      await new Promise(resolve => setTimeout(resolve, 50))
  }

  /** Undoes {@link leave}: the other process is gone. */
  async resume(): Promise<void> {
    for (const table of this.#routes.tables()) this.#routes.use(table)
    this.#leaving = false
    await this.listen(true)
  }

  /** Stops accepting, lets what is in flight end for `graceMs`, then cuts it. */
  async stop(graceMs: number): Promise<void> {
    this.#listeners.closeAll()
    const endpoints = this.#routes.everyEndpoint()
    for (const endpoint of endpoints) endpoint.serve(false)
    await drained(endpoints, graceMs, new AbortController().signal)
    this.#door.destroy()
  }

  /** Holds up changes, so that what is on disk is what is in use. Returns what ends that. */
  async freeze(): Promise<() => void> {
    return this.#turns.freeze()
  }

  tables(): RouteTable[] {
    return this.#routes.tables()
  }

  #ports(): number[] {
    return this.#routes.tables().flatMap(table => Object.values(table.services).map(route => route.port))
  }
}

function portTaken(port: number, why: string): SlipwayError {
  return new SlipwayError('unavailable', `Port ${port} cannot be opened for a service: ${why}.`, {
    next: `Stop what listens on port ${port}, or route the service on another.`,
  })
}
