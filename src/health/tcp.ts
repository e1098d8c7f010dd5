import { connect } from 'node:net'
import type { Address, ProbeAnswer } from '../provider/provider.ts'
import { networkAnswer } from './network.ts'

/** One connection, opened and closed. Rejects when it is this machine that cannot ask, or with the signal's reason. */
export function probeTcp(address: Address, signal: AbortSignal): Promise<ProbeAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address.host, port: address.port })
    const aborted = () => {
      socket.destroy()
      reject(signal.reason)
    }
    if (signal.aborted) return aborted()
    signal.addEventListener('abort', aborted, { once: true })
    socket.on('close', () => signal.removeEventListener('abort', aborted))
    socket.on('connect', () => {
      resolve({ ok: true, text: 'connected' })
      socket.destroy()
    })
    socket.on('error', error => {
      const answer = networkAnswer(error, address)
      if (answer) resolve(answer)
      else reject(error)
    })
  })
}
