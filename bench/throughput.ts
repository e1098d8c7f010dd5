import { DatabaseSync } from 'node:sqlite'
import type { Slipway } from '../src/index.ts'
import { type Figure, median, rounded } from './figure.ts'
import { acmeOf, allSucceed, bringUp, openFleet, webOf } from './fleet.ts'

/**
 * Deployments a second through the engine, all asked for at once, on a platform that costs nothing: what is left is the engine and the disk.
 * Beside them the bare durable commits a second of the same file, taken from `floorCommits` before and after each round.
 */
export async function benchThroughput(instances: number, rounds: number, floorCommits: number): Promise<Figure[]> {
  await using cleanup = new AsyncDisposableStack()
  const fleet = await openFleet(cleanup)
  const shares: number[] = []
  const perSecond: number[] = []
  const steps: number[] = []
  const cpuMs: number[] = []
  const commits: number[] = []
  // The first round is not counted: what Node and SQLite compile is no part of a deploy.
  for (let round = -1; round < rounds; round++) {
    const ids = await bringUp(await fleet.open(), instances, `round${round + 1}`)
    await fleet.close()
    const before = commitsPerSecond(fleet.file, floorCommits)
    const slipway = await fleet.open()
    const acme = acmeOf(slipway)
    const from = await slipway.store.events.lastSeq()
    const cpu = process.cpuUsage()
    const began = performance.now()
    await allSucceed(slipway, instances, index =>
      acme.deploy({ instanceId: ids[index] ?? '', services: [webOf(2)], strategy: 'blue-green' }),
    )
    const seconds = (performance.now() - began) / 1000
    const { user, system } = process.cpuUsage(cpu)
    const begun = await stepsSince(slipway, from)
    await fleet.close()
    const bare = (before + commitsPerSecond(fleet.file, floorCommits)) / 2
    if (round < 0) continue
    perSecond.push(instances / seconds)
    commits.push(bare)
    shares.push(instances / seconds / bare)
    steps.push(begun / seconds)
    cpuMs.push((user + system) / 1000 / instances)
  }
  const share = median(shares)
  return [
    {
      figure: 'deployments_per_bare_commit',
      value: rounded(share, 4),
      reach: '>= 0.0833',
      ok: share >= 1 / 12,
      deployments_per_second: rounded(median(perSecond), 1),
      bare_commits_per_second: rounded(median(commits), 0),
      cpu_ms_per_deployment: rounded(median(cpuMs)),
      at_once: instances,
      rounds,
    },
    { figure: 'steps_per_second', value: rounded(median(steps), 0) },
  ]
}

async function stepsSince({ store }: Slipway, from: number): Promise<number> {
  let count = 0
  for (let after = from; ; ) {
    const events = await store.events.read({ after, limit: 1000, types: ['deploy.progress'] })
    count += events.length
    const last = events.at(-1)
    if (!last) return count
    after = last.seq
  }
}

/** What the file can do at most: one row a commit, nothing around it. */
function commitsPerSecond(file: string, count: number): number {
  const database = new DatabaseSync(file, { timeout: 5000 })
  try {
    database.exec('pragma synchronous = full')
    database.exec('create table if not exists bench_commits (n integer)')
    const begin = database.prepare('begin immediate')
    const insert = database.prepare('insert into bench_commits values (1)')
    const commit = database.prepare('commit')
    const began = performance.now()
    for (let n = 0; n < count; n++) {
      begin.run()
      insert.run()
      commit.run()
    }
    return (1000 * count) / (performance.now() - began)
  } finally {
    database.close()
  }
}
