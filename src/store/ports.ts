import type { Store } from '../deploy/work.ts'
import type { PortReservations } from '../provider/process/ports.ts'

/**
 * Reservations that also lie in the store, so that replicas and router never take the same port. `queue` decides which port is next;
 * the store says whether somebody has it.
 *
 * @example
 * const ports = storedPorts(store, portQueue(range))
 */
export function storedPorts(store: Store, queue: PortReservations): PortReservations {
  return {
    async restore(held) {
      await queue.restore(held)
      await store.transaction(async ({ work }) => {
        for (const { instanceId, purpose } of await work.reservations()) {
          if (purpose.startsWith(replicas)) await work.releasePorts(instanceId, purpose)
        }
        for (const { instanceId, replicaId, ports } of held) {
          // Not asked whether it was free: the replica listens there, whatever else is written.
          for (const port of ports) await work.reservePort(port, instanceId, purposeOf(replicaId))
        }
      })
    },

    async reserve(instanceId, replicaId, count, isFree) {
      const purpose = purposeOf(replicaId)
      const taken = async (port: number) => (await isFree(port)) && store.work.reservePort(port, instanceId, purpose)
      try {
        return await queue.reserve(instanceId, replicaId, count, taken)
      } catch (error) {
        await store.work.releasePorts(instanceId, purpose)
        throw error
      }
    },

    async release(instanceId, replicaId) {
      await store.work.releasePorts(instanceId, purposeOf(replicaId))
      await queue.release(instanceId, replicaId)
    },
  }
}

const replicas = 'replica:'

function purposeOf(replicaId: string): string {
  return `${replicas}${replicaId}`
}
