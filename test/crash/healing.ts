import { setTimeout as delay } from 'node:timers/promises'
import { leaderLives } from '../../src/provider/process/group.ts'
import { ask } from '../support/ask.ts'
import { replicasOf, routesOf } from './invariants.ts'
import type { Stage } from './scenario.ts'

/** Ten times what is promised: it tells healed from stuck. */
export const healWithinMs = 20_000

/**
 * Waits until the shop's web is reached from outside again, and everything of it that is to have traffic has its replicas; resolves to when,
 * by the wall clock. Undefined when that is not so `healWithinMs` after `since`, the time from which somebody was there to heal.
 */
export async function healed(stage: Stage, since: () => number): Promise<number | undefined> {
  while (Date.now() < since() + healWithinMs) {
    if ((await allServe(stage)) && (await answers(stage))) return Date.now()
    await delay(20)
  }
  return undefined
}

async function allServe({ site, shop }: Stage): Promise<boolean> {
  const rows =
    (await site.books.record(shop))?.table.filter(({ service, weight }) => service === 'web' && weight > 0) ?? []
  const routes = await routesOf(site.dataDir, shop)
  if (routes instanceof Error || rows.length === 0) return false
  const living = new Set(
    replicasOf(site.dataDir, shop)
      .filter(leaderLives)
      .map(({ id }) => id),
  )
  const revisions = routes?.services['web']?.revisions ?? {}
  return rows.every(({ revision, replicas, weight }) => {
    const found = revisions[revision]
    const serving = found?.endpoints.filter(({ replica, state }) => state === 'serving' && living.has(replica)) ?? []
    return found?.weight === weight && serving.length >= replicas
  })
}

async function answers({ site }: Stage): Promise<boolean> {
  try {
    const { status, body } = await ask(site.plane.front, `shop.${site.tenantId}.localhost`, '/hello')
    return status === 200 && body === 'hello'
  } catch (error) {
    void error // because nobody is there to answer yet
    return false
  }
}
