import { request } from 'node:http'
import type { Address } from '../../src/provider/provider.ts'

/** A whole answer. */
export interface Answer {
  readonly status: number
  readonly body: string
  /** The body, parsed, of an answer by `program.mjs`. */
  told(): Told
}

/** What `program.mjs` tells, at one path or another. */
export interface Told {
  readonly version: string
  readonly pid: number
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** What the api told it. */
  readonly api: Told
}

/** A GET on a connection of its own, sent to `to` with this `Host`. Rejects when no whole answer comes within 10 s. */
export function ask(to: Address, host: string, path = '/'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ ...to, path, headers: { host }, agent: false, timeout: 10_000 }, answer => {
      let body = ''
      answer.setEncoding('utf8')
      answer.on('data', (chunk: string) => {
        body += chunk
      })
      answer.on('error', reject)
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body, told: () => JSON.parse(body) as Told }))
    })
    sent.on('timeout', () => sent.destroy(new Error(`no answer from ${host}${path} within 10 s`)))
    sent.on('error', reject)
    sent.end()
  })
}
