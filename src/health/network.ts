import type { Address, ProbeAnswer } from '../provider/provider.ts'

/** Errors that say something about this machine and nothing about the replica: out of descriptors, ports or memory. */
const ours = new Set(['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'ENOBUFS', 'ENOMEM', 'EAGAIN', 'EACCES', 'EPERM'])

const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection closed',
  ENOTFOUND: 'no such host',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
}

/** What a failed connection says about the replica, or undefined when it says nothing about it. */
export function networkAnswer(error: Error, { host, port }: Address): ProbeAnswer | undefined {
  const code = (error as NodeJS.ErrnoException).code ?? ''
  if (ours.has(code)) return undefined
  return { ok: false, text: `${words[code] ?? error.message} on ${host}:${port}` }
}
