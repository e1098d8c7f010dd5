import type { Store } from '../deploy/work.ts'

/** Whose the shared port is, and for what. No instance has this id. */
const [nobody, purpose] = ['', 'front']

/**
 * The router's shared port as it was last known, undefined before the first start. It is reserved like the ports of services, so that
 * none of them is given it, and people find it where it was even when the router has lost everything it knew.
 */
export async function keptFrontPort(store: Store): Promise<number | undefined> {
  return (await store.work.reservations()).find(reservation => reservation.purpose === purpose)?.port
}

/** Keeps it, in the place of another one. */
export async function keepFrontPort(store: Store, port: number): Promise<void> {
  if ((await keptFrontPort(store)) === port) return
  await store.transaction(async ({ work }) => {
    await work.releasePorts(nobody, purpose)
    await work.reservePort(port, nobody, purpose)
  })
}
