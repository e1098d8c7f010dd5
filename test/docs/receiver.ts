import { Webhook } from 'standardwebhooks'

/** Verifies, takes down what it has not seen before, and only then answers; what is to be done about an event is done later. */
export function receiver(secret: string, takeDown: (event: unknown) => void): (request: Request) => Promise<Response> {
  const webhook = new Webhook(secret)
  const seen = new Set<string>()
  return async request => {
    const headers = Object.fromEntries(request.headers)
    let event: unknown
    try {
      event = webhook.verify(await request.text(), headers)
    } catch {
      return new Response(null, { status: 401 })
    }
    const id = headers['webhook-id'] ?? ''
    if (!seen.has(id)) takeDown(event)
    seen.add(id)
    return new Response(null, { status: 204 })
  }
}
