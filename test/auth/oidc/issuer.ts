import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'

/** An issuer of tokens on this machine, as a CI service is one. */
export interface LocalIssuer {
  readonly url: string
  /** How often its keys were asked for. */
  asked(): number
  /** A token as it makes them for the job of a repository, with these claims instead or beside; `undefined` leaves one out. */
  token(claims?: Record<string, unknown>, kid?: string): Promise<string>
  /** The public key as it is published: for those who would abuse it. */
  publicKey(): Promise<Record<string, unknown>>
  /** From now on it signs with another key; it publishes it as well, unless it keeps it to itself. */
  rotate(kid: string, published?: boolean): Promise<void>
  /** What it answers instead of its documents. */
  broken?: { status: number; body?: string } | undefined
  close(): Promise<void>
}

export const audience = 'https://slipway.example'

/** Starts one. `now` is the time its tokens are made at, milliseconds. */
export async function startIssuer(now: () => number = Date.now): Promise<LocalIssuer> {
  let pair = await generateKeyPair('RS256', { extractable: true })
  let kid = 'one'
  const published = new Map([[kid, await exportJWK(pair.publicKey)]])
  let asked = 0
  const server = createServer((request, response) => {
    const { broken } = issuer
    const documents: Readonly<Record<string, unknown>> = {
      '/.well-known/openid-configuration': { issuer: issuer.url, jwks_uri: `${issuer.url}/keys` },
      '/keys': { keys: [...published].map(([kid, key]) => ({ ...key, kid, alg: 'RS256', use: 'sig' })) },
    }
    if (request.url === '/keys') asked++
    const document = documents[request.url ?? '']
    response.writeHead(broken?.status ?? (document ? 200 : 404), {
      'content-type': 'application/json',
      connection: 'close',
    })
    response.end(broken?.body ?? JSON.stringify(document ?? {}))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const issuer: LocalIssuer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: () => asked,
    async token(claims = {}, named = kid) {
      const at = Math.floor(now() / 1000)
      const all = {
        iss: issuer.url,
        aud: audience,
        sub: 'repo:acme/shop:ref:refs/heads/main',
        iat: at,
        nbf: at,
        exp: at + 300,
        repository: 'acme/shop',
        repository_owner: 'acme',
        ref: 'refs/heads/main',
        ...claims,
      }
      const payload = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as JWTPayload
      return await new SignJWT(payload)
        .setProtectedHeader({ alg: 'RS256', kid: named, typ: 'JWT' })
        .sign(pair.privateKey)
    },
    publicKey: async () => ({ ...(await exportJWK(pair.publicKey)) }),
    async rotate(next, publish = true) {
      pair = await generateKeyPair('RS256', { extractable: true })
      kid = next
      if (publish) published.set(kid, await exportJWK(pair.publicKey))
    },
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
  return issuer
}
