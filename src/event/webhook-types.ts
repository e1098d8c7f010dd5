import { type Event, type EventType, eventTypes } from './event.ts'

/** What a webhook is sent to try it; it goes to the one it is for, whatever that asks for. */
export const pingType = 'webhook.ping'

const sent = eventTypes.filter(type => type !== pingType)
const families = [...new Set(sent.map(familyOf))]

/** What a webhook can ask for: a type, or a family of them. */
export const typePatterns: readonly string[] = [...sent, ...families]

/** The types that a list of patterns takes in; without one, all. */
export function typesOf(patterns: readonly string[] | undefined): EventType[] {
  if (!patterns) return sent
  return sent.filter(type => patterns.includes(type) || patterns.includes(familyOf(type)))
}

/** The webhook that an event tells of: it is not told of itself, or its own failures would be what it fails at. */
export function webhookIn({ type, data }: Event): string | undefined {
  const id = type.startsWith('webhook.') ? data?.['webhookId'] : undefined
  return typeof id === 'string' ? id : undefined
}

function familyOf(type: EventType): string {
  return type.replace(/\.[^.]*$/, '.*')
}
