import { readFileSync, unwatchFile, watchFile } from 'node:fs'
import type { Server } from 'node:https'
import { createSecureContext } from 'node:tls'
import { messageOf, SlipwayError } from '../errors.ts'
import type { Log } from '../observe/log.ts'

/** Key and certificate (with its chain), in PEM or as files that hold it. Files that change, as by a renewal, are read again within a minute. */
export type TlsOptions =
  | { readonly key: string | Buffer; readonly cert: string | Buffer }
  | { readonly keyFile: string; readonly certFile: string }

/** A key and its certificate. */
interface Identity {
  readonly key: string | Buffer
  readonly cert: string | Buffer
}

/** How often files are looked at. */
const lookMs = 60_000

/** What a server proves itself with. Throws `invalid_request` for what can't be read, or is no key with its certificate. */
export function readTls(tls: TlsOptions): Identity {
  try {
    const identity = 'keyFile' in tls ? { key: readFileSync(tls.keyFile), cert: readFileSync(tls.certFile) } : tls
    createSecureContext(identity)
    return identity
  } catch (error) {
    throw new SlipwayError('invalid_request', `The server has no usable TLS: ${messageOf(error)}.`, {
      next: 'Give it a key and the certificate that belongs to it, in PEM.',
      cause: error,
    })
  }
}

/** Takes a renewed certificate when its files change, for connections from then on; one that is not usable changes nothing. Ends by what it returns. */
export function followTls(
  tls: TlsOptions,
  server: Pick<Server, 'setSecureContext'>,
  log: Log,
  everyMs = lookMs,
): () => void {
  if (!('keyFile' in tls)) return () => {}
  const files = [tls.keyFile, tls.certFile]
  const renew = (): void => {
    try {
      server.setSecureContext({ ...readTls(tls), minVersion: 'TLSv1.2' })
      log.info({ files }, 'the certificate was read again')
    } catch (error) {
      log.warn({ files, error: messageOf(error) }, 'a changed certificate is not usable; the one before stays')
    }
  }
  for (const file of files) watchFile(file, { interval: everyMs, persistent: false }, renew)
  return () => {
    for (const file of files) unwatchFile(file, renew)
  }
}
