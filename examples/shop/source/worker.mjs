import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

// Has no port: takes one job after the other, asks the api about each, and leaves a heartbeat in $DATA.
const release = JSON.parse(readFileSync(new URL('./release.json', import.meta.url), 'utf8'))
const { URL_API: api, DATA: data } = process.env
const stop = new AbortController()
process.once('SIGTERM', () => stop.abort())

for (let job = 1; !stop.signal.aborted; job++) {
  const outcome = await perform().catch(error => `failed: ${error.cause?.message ?? error.message}`)
  console.log(`worker ${release.version} job ${job} ${outcome}`)
  if (data) beat(job)
  // Waiting is what SIGTERM interrupts; a job that was begun is finished.
  await delay(500, undefined, { signal: stop.signal }).catch(() => undefined)
}
console.log(`worker ${release.version} ended`)
process.exit(0)

async function perform() {
  if (!api) return 'done'
  const answer = await fetch(api, { signal: AbortSignal.timeout(8000) })
  if (!answer.ok) throw new Error(`api answered ${answer.status}`)
  const { service, version } = await answer.json()
  return `done with ${service} ${version}`
}

function beat(job) {
  // Versions side by side share $DATA: a file each, and never half a file.
  const file = join(data, `heartbeat-${process.pid}.json`)
  writeFileSync(`${file}.new`, JSON.stringify({ version: release.version, job, at: new Date().toISOString() }))
  renameSync(`${file}.new`, file)
}
