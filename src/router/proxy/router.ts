import { setTimeout as delay } from 'node:timers/promises'
import { messageOf, SlipwayError } from '../../errors.ts'
import { type Fence, callMs as longestChangeMs } from '../../provider/provider.ts'
import type { Router } from '../router.ts'
import { noSuccessor } from './control.ts'
import { ConnectionLost, type ControlClient } from './control-client.ts'
import { connectRunning } from './find.ts'
import { foreignProtocol, isOlder, keepCurrent, understands } from './keep-current.ts'
import { mainFile } from './launch.ts'
import { link, type ProxyLog } from './link.ts'
import { awaitLock } from './lock.ts'
import { type Place, placeOf, removeSocketFolder } from './place.ts'
import { defaultPortRange, type PortRange, portAllocator } from './ports.ts'
import { isRunning } from './running.ts'

/** How to reach, and if need be start, the embedded proxy. */
export interface ProxyRouterOptions {
  /** The data folder; the proxy keeps its state in `proxy/` below it. One proxy per data folder. */
  readonly dataDir: string
  /** The shared port on 127.0.0.1 that routes by host. Kept from the first start on. Default 0: any that is free. */
  readonly frontPort?: number
  /** The shared port that people were told before, for a proxy that has forgotten it. It is opened as soon as it can be had. */
  readonly promisedFrontPort?: number
  /** Where service ports come from. Default: 20000 to 29999, or the first such range outside the kernel's ephemeral ports. */
  readonly portRange?: PortRange
  /** When given, tables of other stores are refused before they are sent. */
  readonly storeId?: string
  /** How long a call that only looks may take, ms (a drain: its deadline plus this). Default 5000. */
  readonly callTimeoutMs?: number
  /** How long a call that changes routes may take, ms. Default 2000: longer, and it could outlive the lease under which it began. */
  readonly changeTimeoutMs?: number
  /** How long the proxy may answer nothing before it is ended and started again, ms. Default 15000. */
  readonly deafAfterMs?: number
  /** How long after a failed upgrade it is tried again at first, ms; then twice as long each time. Default 10000. */
  readonly upgradeRetryMs?: number
  /** Told what became of the proxy: ended, started, upgraded, tables it could not read. Default: nobody. */
  readonly log?: ProxyLog
}

/** The embedded proxy, seen from the control plane. */
export interface ProxyRouter extends Router {
  /** The process that serves now. */
  pid(): Promise<number>
  /**
   * Puts this version of the proxy in place of the one that runs, without losing a connection. Resolves to the new process's pid. Throws
   * `unavailable` when the old one serves on, or another process took the place meanwhile.
   */
  upgrade(): Promise<number>
  /** Ends the proxy's process, cutting what is in flight; its state stays. For uninstalls and tests. */
  shutdown(): Promise<void>
}

const defaultCallTimeoutMs = 5000
const defaultDeafAfterMs = 15_000
const defaultUpgradeRetryMs = 10_000
const upgradeTimeoutMs = 30_000
const endTimeoutMs = 5000
/** A start that is under way is waited for, and then ended. */
const startingTimeoutMs = 15_000

/**
 * The router that is a process of our own: started when none runs for the data folder, else connected to, and started again when it is found
 * dead. It restores itself from disk and serves while the control plane is down.
 *
 * @example
 * const router = await proxyRouter({ dataDir: './data', frontPort: 8080 })
 */
export async function proxyRouter(options: ProxyRouterOptions): Promise<ProxyRouter> {
  const place = placeOf(options.dataDir)
  const { callTimeoutMs: callMs = defaultCallTimeoutMs, changeTimeoutMs: changeMs = longestChangeMs } = options
  const { deafAfterMs = defaultDeafAfterMs, log = silent } = options
  const allocatePort = portAllocator(options.portRange ?? defaultPortRange())
  const watchers = new Set<() => void>()
  const closed = new AbortController()
  // Not a port of the kernel's choice: at a restart the number must be free again, and not lent to an outgoing connection.
  let frontPort = options.frontPort || options.promisedFrontPort || (await allocatePort(new Set()))
  let upgrading: Promise<void> | undefined
  let first = true
  const proxy = link({
    place,
    orders: () => ({
      frontPort,
      promised: !first || frontPort === options.promisedFrontPort,
      storeId: options.storeId,
    }),
    log,
    deafAfterMs,
    onConnect: () => {
      if (first) return
      for (const tell of watchers) tell()
      upToDate()
      void tellFaults()
    },
  })
  const hello = async () => proxy.call('hello', {}, callMs)
  const upgrade = async (): Promise<number> => {
    const before = (await hello()).pid
    try {
      const { pid } = await proxy.call('upgrade', { node: process.execPath, main: mainFile }, upgradeTimeoutMs)
      if (pid === noSuccessor) throw takenOver()
      return pid
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error
      const { pid } = await hello()
      if (pid !== before) return pid
      throw new SlipwayError('unavailable', 'The proxy hung up in the middle of its upgrade.', {
        next: 'Look at proxy.log in the data folder; ask for the upgrade again.',
        cause: error,
      })
    }
  }
  /** Whoever serves now may be older than we are: another control plane started it, or it was here before us. */
  function upToDate(): void {
    const { upgradeRetryMs: firstRetryMs = defaultUpgradeRetryMs } = options
    upgrading ??= keepCurrent({ hello, upgrade, log, firstRetryMs, signal: closed.signal }).finally(() => {
      upgrading = undefined
    })
  }
  async function tellFaults(): Promise<void> {
    try {
      const { ok, message } = await proxy.call('check', {}, callMs)
      if (!ok) log.warn({ message }, 'the proxy is not well')
    } catch (error) {
      log.warn({ error: messageOf(error) }, 'the proxy could not be asked how it is')
    }
  }
  const close = (): void => {
    closed.abort()
    proxy.close()
  }
  try {
    // A proxy that is found hanging is given its time, and its successor the time to start.
    const found = await proxy.call('hello', {}, deafAfterMs + startingTimeoutMs)
    if (options.frontPort && options.frontPort !== found.frontPort) throw otherFront(found.frontPort, options, place)
    frontPort = found.frontPort
    if (!understands(found)) {
      if (!isOlder(found)) throw foreignProtocol(found)
      await upgrade()
    }
  } catch (error) {
    close()
    throw error
  }
  first = false
  upToDate()
  await tellFaults()

  return {
    name: 'proxy',
    front: { host: '127.0.0.1', port: frontPort },
    allocatePort: taken => allocatePort(new Set([...taken, frontPort])),
    apply: async (table, fence) => {
      if (table.instanceId !== fence.instanceId || table.storeId !== fence.storeId) throw foreign(table, fence)
      if (options.storeId !== undefined && options.storeId !== table.storeId)
        throw otherStore(options.storeId, table.storeId)
      await proxy.call('apply', { table }, changeMs, fence.signal, () => fence.check())
    },
    observe: async (instanceId, signal) => (await proxy.call('observe', { instanceId }, callMs, signal)) ?? undefined,
    tables: async signal => {
      // An older one does not know the call. It is upgraded soon, and whoever watches is told.
      if (((await hello()).protocol ?? 1) < 2) return []
      return proxy.call('tables', {}, callMs, signal)
    },
    drain: async (instanceId, replicaIds, deadlineMs, signal) => {
      const params = { instanceId, replicaIds: [...replicaIds], deadlineMs }
      return proxy.call('drain', params, deadlineMs + callMs, signal)
    },
    traffic: async (instanceId, signal) => proxy.call('traffic', { instanceId }, callMs, signal),
    forget: async (instanceId, fence) => {
      const { storeId, epoch } = fence
      await proxy.call('forget', { instanceId, storeId, epoch }, changeMs, fence.signal, () => fence.check())
    },
    check: async signal => proxy.call('check', {}, callMs, signal),
    watch: onChange => {
      watchers.add(onChange)
      return () => watchers.delete(onChange)
    },
    close: async () => close(),
    pid: async () => (await hello()).pid,
    upgrade,
    shutdown: async () => {
      close()
      await stopPlace(place)
    },
  }
}

/** Ends the proxy of a data folder, if one runs, and resolves when it is gone. Its state stays. Throws `unavailable` when it does not end. */
export async function stopProxy(dataDir: string): Promise<void> {
  await stopPlace(placeOf(dataDir))
}

async function stopPlace(place: Place): Promise<void> {
  const lock = await awaitLock(place.starting, startingTimeoutMs)
  try {
    for (const until = performance.now() + endTimeoutMs; ; ) {
      const client = await connectRunning(place, { onEnd: () => {} })
      if (!client) return removeSocketFolder(place)
      try {
        await stopRunning(client)
        return removeSocketFolder(place)
      } catch (error) {
        // It was ending already, by another's hand.
        if (!(error instanceof ConnectionLost) || performance.now() > until) throw error
      }
    }
  } finally {
    lock?.release()
  }
}

async function stopRunning(client: ControlClient): Promise<void> {
  const { pid } = await client.call('hello', {}, endTimeoutMs)
  try {
    await client.call('shutdown', {}, endTimeoutMs)
  } catch (error) {
    if (!(error instanceof ConnectionLost)) throw error
  }
  for (const until = performance.now() + endTimeoutMs; isRunning(pid); await delay(5)) {
    if (performance.now() < until) continue
    client.close()
    throw new SlipwayError('unavailable', `The proxy's process ${pid} does not end.`, { next: `End it: kill ${pid}` })
  }
  client.close()
}

function takenOver(): SlipwayError {
  return new SlipwayError('unavailable', 'Another proxy took the place of the old one before the new one could.', {
    next: 'It serves, in whatever version it is; ask for the upgrade again.',
  })
}

const silent: ProxyLog = { info: () => {}, warn: () => {} }

function otherFront(has: number, { frontPort }: ProxyRouterOptions, place: Place): SlipwayError {
  return new SlipwayError('bad_options', `The proxy's front port is ${has}, not ${frontPort}.`, {
    next: `Ask for ${has}, or end the proxy and remove ${place.front} and ${place.process} first.`,
  })
}

function foreign(table: { instanceId: string }, fence: Fence): SlipwayError {
  return new SlipwayError(
    'internal',
    `A table of ${table.instanceId} was applied under the fence of ${fence.instanceId}.`,
  )
}

function otherStore(ours: string, theirs: string): SlipwayError {
  return new SlipwayError('forbidden', `This router belongs to store ${ours}; a table of ${theirs} is refused.`, {
    next: 'Use a data folder of its own for each store.',
  })
}
