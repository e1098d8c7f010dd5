import { DatabaseSync } from 'node:sqlite'
import { newId } from '../src/id.ts'
import type { Acting } from '../src/index.ts'
import { type Figure, median, rounded } from './figure.ts'
import { acmeOf, bringUp, openFleet, webOf } from './fleet.ts'

/** How deployments are spread: all of one instance, or over a thousand. */
type Spread = 'one' | 'many'

/**
 * How much longer the first page of an instance's deployments takes to read when there are `many` of them than when there are `few`, in a
 * database of its own each, read in turns.
 */
export async function benchLists(few: number, many: number, reads: number): Promise<Figure[]> {
  return [await compare('one', few, many, reads), await compare('many', few, many, reads)]
}

async function compare(spread: Spread, few: number, many: number, reads: number): Promise<Figure> {
  await using small = new AsyncDisposableStack()
  await using large = new AsyncDisposableStack()
  const read = { few: await listOf(small, spread, few), many: await listOf(large, spread, many) }
  const took = { few: [] as number[], many: [] as number[] }
  for (let turn = -10; turn < reads; turn++) {
    for (const size of turn % 2 === 0 ? (['few', 'many'] as const) : (['many', 'few'] as const)) {
      const began = performance.now()
      await read[size]()
      if (turn >= 0) took[size].push(performance.now() - began)
    }
  }
  const ratio = median(took.many) / median(took.few)
  return {
    figure: spread === 'one' ? 'list_ratio_one_instance' : 'list_ratio_many_instances',
    value: rounded(ratio),
    reach: '<= 1.5',
    ok: ratio <= 1.5,
    few,
    many,
    few_ms: rounded(median(took.few), 3),
    many_ms: rounded(median(took.many), 3),
  }
}

/** A list of so many deployments; what is returned reads its first page, and sees that it is the newest of them all. */
async function listOf(cleanup: AsyncDisposableStack, spread: Spread, count: number): Promise<() => Promise<void>> {
  const fleet = await openFleet(cleanup)
  const ids = await bringUp(await fleet.open(), spread === 'one' ? 1 : Math.min(1000, count / 20))
  await fleet.close()
  const shares = fill(fleet.file, ids, count)
  const slipway = await fleet.open({ worker: false })
  const acme: Acting = acmeOf(slipway)
  let turn = 0
  return async () => {
    const id = ids[turn++ % ids.length] ?? ''
    const { items, total } = await acme.listDeployments(id)
    if (items.length !== 20 || total !== shares + 1)
      throw new Error(`The list of ${id} has ${items.length} of ${total}.`)
  }
}

/** Writes so many ended deployments beside those of these instances, in turn; tells how many each has got. */
function fill(file: string, instanceIds: readonly string[], count: number): number {
  const database = new DatabaseSync(file)
  try {
    const like = database.prepare(`select * from deployments where kind = 'initial' limit 1`).get() ?? {}
    const columns = Object.keys(like).filter(column => column !== 'seq')
    const places = columns.map(() => '?').join(', ')
    const insert = database.prepare(`insert into deployments (${columns.join(', ')}) values (${places})`)
    const counted = database.prepare(
      `insert into counters (scope, name, value) values (?, 'deployments.deploy', ?)
       on conflict (scope, name) do update set value = value + excluded.value`,
    )
    const services = JSON.stringify([webOf(2)])
    database.exec('begin')
    for (let n = 0; n < count; n++) {
      const row = {
        ...like,
        id: newId('dep'),
        instance_id: instanceIds[n % instanceIds.length] ?? '',
        kind: 'deploy',
        services,
      }
      insert.run(...columns.map(column => (row as typeof like)[column] ?? null))
      if (n % 50_000 === 49_999) database.exec('commit; begin')
    }
    const share = count / instanceIds.length
    for (const id of instanceIds) counted.run(id, share)
    database.exec('commit')
    return share
  } finally {
    database.close()
  }
}
