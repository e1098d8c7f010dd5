// A control plane to be killed: starts one replica (or task), says how far it came, and waits at the point it is told.

// A control plane to be killed: starts one replica (or task), says how far it came, and waits at the point it is told.
import fs, { readFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

const [dataDir = '', image = '', instanceId = '', storeId = '', pauseAt = ''] = process.argv.slice(2)

/** Says it and never goes on. */
function pause(text: string): never {
  fs.writeSync(1, `${text}\n`)
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  throw new Error('unreachable')
}

/** Stops the world where a replica's record is being made, whose file says the launcher's pid. */
const rename = fs.renameSync
fs.renameSync = (from, to) => {
  const isRecord = String(to).includes('/replicas/')
  const pid = isRecord ? String((JSON.parse(readFileSync(from, 'utf8')) as { pid: number }).pid) : ''
  if (isRecord && pauseAt === 'spawned') pause(pid)
  rename(from, to)
  if (isRecord && pauseAt === 'recorded') pause(pid)
}
syncBuiltinESMExports()

const { processProvider } = await import('../../../src/provider/process/provider.ts')
const provider = await processProvider({ dataDir })
const { digest } = await provider.resolve(image)
const spec = {
  tenantId: 'ten_test',
  instanceId,
  service: 'web',
  revision: 'aaaaaaaaaaaaaaaa.1',
  image,
  digest,
  env: {},
  secrets: { SECRET: 'hidden' },
  urls: {},
  ports: [{ name: 'http' }],
}
const fence = { storeId, instanceId, epoch: 1, signal: new AbortController().signal, check: () => undefined }
if (pauseAt === 'task') {
  fs.writeSync(1, 'task\n')
  await provider.runTask(spec, ['sh', './run'], 'before', fence)
} else {
  await provider.start(spec, [0], fence)
  const [replica] = await provider.observe(instanceId)
  fs.writeSync(1, `${JSON.stringify(replica)}\n`)
}
setInterval(() => undefined, 60_000)
