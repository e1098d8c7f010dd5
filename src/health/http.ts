import { get, type IncomingMessage } from 'node:http'
import type { Address, ProbeAnswer } from '../provider/provider.ts'
import type { HealthCheck } from './check.ts'
import { networkAnswer } from './network.ts'

/** The statuses that are healthy when a check does not say. */
export const healthyStatus: readonly [number, number] = [200, 399]

/** How much of an unhealthy answer's body is told: enough for a sentence. */
const bodyLimit = 200

/** One GET on a connection of its own. Rejects when it is this machine that cannot ask, or with the signal's reason. */
export function probeHttp(
  address: Address,
  check: Extract<HealthCheck, { type: 'http' }>,
  signal: AbortSignal,
): Promise<ProbeAnswer> {
  const { path = '/', status: [least, most] = healthyStatus, headers = {} } = check
  return new Promise((resolve, reject) => {
    const request = get({ host: address.host, port: address.port, path, headers, agent: false, signal })
    request.on('response', response => {
      const { statusCode = 0, statusMessage = '' } = response
      const text = `${statusCode} ${statusMessage}`.trim()
      // An error after the headers is no longer the probe's matter, and without a listener it would end the process.
      response.on('error', error => void error)
      if (statusCode >= least && statusCode <= most) {
        response.resume()
        resolve({ ok: true, text })
        return
      }
      beginningOf(response).then(
        body => resolve({ ok: false, text: body ? `${text}: ${body}` : text }),
        () => resolve({ ok: false, text }),
      )
    })
    request.on('error', error => {
      const answer = signal.aborted ? undefined : networkAnswer(error, address)
      if (answer) resolve(answer)
      else reject(signal.aborted ? signal.reason : error)
    })
  })
}

async function beginningOf(response: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of response.setEncoding('utf8')) {
    body += chunk
    if (body.length >= bodyLimit) break // leaving the loop closes the connection
  }
  return body.slice(0, bodyLimit).replaceAll(/\s+/gu, ' ').trim()
}
