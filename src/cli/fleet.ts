import type { InstanceItem } from '../client/index.ts'
import { agoOf } from './ago.ts'
import { cell, columns } from './columns.ts'
import { shown, widthOf } from './shown.ts'
import type { Mood, Style } from './style.ts'

/** How many of the last deployments a row shows. */
const shownLast = 12

/** What runs where, a row for each instance, and below it what waits for a person, each with what to type. */
export function fleetLines(instances: readonly InstanceItem[], now: number, style: Style): string[] {
  const several = new Set(instances.map(({ tenant_id }) => tenant_id)).size > 1
  const rows = instances.map(instance => [
    cell(instance.name),
    ...(several ? [cell(instance.tenant_id)] : []),
    releaseOf(instance, style),
    healthOf(instance, style),
    rolloutOf(instance, style),
    lastOf(instance, style),
    sinceOf(instance, now),
  ])
  const heading = [
    'INSTANCE',
    ...(several ? ['TENANT'] : []),
    'RELEASE',
    'HEALTH',
    'ROLLOUT',
    `LAST ${shownLast}`,
    'SINCE',
  ]
  return [...columns(heading, rows), ...needLines(instances, several, style)]
}

/** What waits for a person. Absent when nothing does. */
function needLines(instances: readonly InstanceItem[], several: boolean, style: Style): string[] {
  const needing = instances.filter(({ needs }) => needs.length > 0)
  if (needing.length === 0) return []
  const lines = needing.flatMap(instance => {
    const name = several ? `${instance.tenant_id}/${instance.name}` : instance.name
    return instance.needs.map(need => [shown(name), shown(need.text), commandFor(need, name)])
  })
  const widths = [0, 1].map(at => Math.max(...lines.map(line => widthOf(line[at] ?? ''))))
  const padded = (text: string, at: number): string => text + ' '.repeat((widths[at] ?? 0) - widthOf(text))
  const count = needing.length === 1 ? '1 needs you:' : `${needing.length} need you:`
  return [
    '',
    style.bold(count),
    ...lines.map(([name = '', text = '', command = '']) =>
      `  ${padded(name, 0)}  ${padded(text, 1)}  ${style.dim(command)}`.trimEnd(),
    ),
  ]
}

function commandFor({ code, deployment_id: deployment }: InstanceItem['needs'][number], name: string): string {
  switch (code) {
    case 'awaiting_promote':
      return deployment === undefined ? '' : `slipway promote ${deployment}`
    case 'paused':
      return deployment === undefined ? '' : `slipway resume ${deployment}`
    case 'needs_attention':
      return `slipway instances adopt ${name}`
    default:
      return deployment === undefined ? `slipway logs ${name}` : `slipway logs ${name} --deployment ${deployment}`
  }
}

function releaseOf({ release, rollout }: InstanceItem, { arrow }: Style): string {
  const now = release === undefined ? '-' : `v${release.version}`
  if (rollout?.version !== undefined && rollout.version !== release?.version)
    return `${now} ${arrow} v${rollout.version}`
  return release?.commit_sha === undefined ? now : `${now}  ${shown(release.commit_sha.slice(0, 7))}`
}

const healthMoods: Readonly<Record<InstanceItem['health']['state'], Mood>> = {
  ready: 'good',
  partly: 'moving',
  down: 'bad',
  unknown: 'waiting',
  stopped: 'off',
}

function healthOf({ health: { state, ready, want } }: InstanceItem, style: Style): string {
  const mood = healthMoods[state]
  const word = ready === undefined || want === undefined || state === 'stopped' ? state : `${ready}/${want}`
  return style.mood(mood, `${style.glyph(mood)} ${word}`)
}

function rolloutOf({ rollout, last: [latest] }: InstanceItem, style: Style): string {
  if (rollout) {
    const waits = rollout.reason?.code === 'awaiting_promote' || rollout.reason?.code === 'paused'
    const mood = waits ? 'waiting' : 'moving'
    const at = rollout.step === undefined ? '' : ` ${rollout.step}/${rollout.step_count ?? '?'}`
    const kind = rollout.kind === 'deploy' ? rollout.strategy : rollout.kind
    return `${kind}${at} ${style.mood(mood, `${style.glyph(mood)} ${waits ? 'waiting' : rollout.state}`)}`
  }
  if (latest?.state === 'failed') {
    const undone = latest.restored === true
    const mood = undone ? 'undone' : 'bad'
    return style.mood(mood, `${style.glyph(mood)} failed${undone ? ', restored' : ''}`)
  }
  return '-'
}

const bars = ['▁', '▂', '▃', '▄', '▅', '▆', '▇']

/** The last deployments, oldest first: as high as they took long, and a sign for those that did not succeed. */
function lastOf({ last }: InstanceItem, style: Style): string {
  const recent = last.slice(0, shownLast).toReversed()
  if (recent.length === 0) return '-'
  const longest = Math.max(1, ...recent.map(({ took_ms }) => took_ms ?? 0))
  return recent
    .map(({ state, took_ms = 0 }) => {
      if (state === 'failed') return style.mood('bad', style.glyph('bad'))
      if (state === 'cancelled') return style.mood('off', style.glyph('off'))
      if (state === 'rolled_back') return style.mood('undone', style.glyph('undone'))
      if (style.ascii) return '.'
      return bars[Math.min(bars.length - 1, Math.floor((took_ms / longest) * bars.length))] ?? ''
    })
    .join('')
}

function sinceOf({ rollout, last: [latest], created_at }: InstanceItem, now: number): string {
  return agoOf(rollout?.started_at ?? latest?.finished_at ?? created_at, now)
}
