import type { Event } from '../client/index.ts'
import { shown } from './shown.ts'
import type { Style } from './style.ts'

/** An event as a line: its place (which `--after` takes), when, what, of what, and its details. */
export function eventLine(event: Event, style: Style): string {
  const of = event.deployment_id ?? event.instance_id ?? event.tenant_id
  const details = Object.entries(event.data ?? {}).flatMap(([name, value]) =>
    typeof value === 'object' || value === undefined ? [] : [`${name}=${worded(value)}`],
  )
  return [String(event.seq), style.dim(event.at), event.type.padEnd(20), of, shown(details.join(' '))]
    .join('  ')
    .trimEnd()
}

function worded(value: unknown): string {
  return typeof value === 'string' && /[\s"=]/.test(value) ? JSON.stringify(value) : String(value)
}
