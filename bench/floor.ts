import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { get } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { isPortFree, portQueue, replicaRange } from '../src/provider/process/ports.ts'

const host = '127.0.0.1'
const ports = portQueue(replicaRange(undefined))
let starts = 0

/**
 * Milliseconds from the start of a program to its first 200 without any control plane: the least that a deploy of it can take. Probed as
 * a new replica is: on a connection of its own, after 5 ms, growing by a quarter to 50 ms.
 */
export async function floorMs(folder: string, path: string): Promise<number> {
  const name = `floor-${starts++}`
  const [port = 0] = await ports.reserve('bench', name, 1, candidate => isPortFree(host, candidate))
  const env = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', PORT: String(port) }
  const began = performance.now()
  const child = spawn(process.execPath, ['server.mjs'], { cwd: folder, env, stdio: 'ignore' })
  try {
    for (let gapMs = 5; !(await answers(port, path)); gapMs = Math.min(50, gapMs * 1.25)) {
      if (child.exitCode !== null) throw new Error(`The program ended with ${child.exitCode} before it answered.`)
      await delay(gapMs)
    }
    return performance.now() - began
  } finally {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    await ports.release('bench', name)
  }
}

function answers(port: number, path: string): Promise<boolean> {
  return new Promise(resolve => {
    get({ host, port, path, agent: false }, response => {
      response.resume()
      resolve(response.statusCode === 200)
    }).on('error', () => resolve(false))
  })
}
