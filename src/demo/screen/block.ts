import { bar, count, duration, type Line, span } from './line.ts'
import type { CurrentDeployment, DemoState, RevisionView, ServiceView, TrafficView } from './state.ts'

/** The part of the screen that is drawn again and again: what runs, who serves, what the load sees. */
export function blockLines(state: DemoState): Line[] {
  return [
    [span(state.title, 'strong'), span(`  ${duration(state.elapsedMs)}`, 'dim')],
    [],
    ...(state.current ? currentLines(state.current, state.acts) : [[span(` ${state.note ?? ''}`, 'dim')]]),
    [],
    ...state.services.flatMap(service => serviceLines(service, state.services)),
    [],
    trafficLine(state.traffic),
  ]
}

/** `3/9  web 1 → 2 by canary`. */
export function actLine(current: CurrentDeployment, acts: number): Line {
  return [
    span(` ${current.act}/${acts}  `, 'dim'),
    span(current.what, 'strong'),
    span(` by ${current.strategy}`),
    ...(current.undoing ? [span('  undoing', 'warn')] : []),
  ]
}

/** `step 5/11: route web 25 %`. */
export function stepText(current: CurrentDeployment): string {
  if (current.stepCount === 0) return current.step
  return `${current.undoing ? 'step back' : 'step'} ${current.stepNumber}/${current.stepCount}: ${current.step}`
}

function currentLines(current: CurrentDeployment, acts: number): Line[] {
  const { full, empty } = bar(current.percent / 100, 30)
  return [
    actLine(current, acts),
    [
      span(`      ${full}`, current.undoing ? 'warn' : 'new'),
      span(empty, 'dim'),
      span(`${String(Math.round(current.percent)).padStart(4)} %  `),
      span(stepText(current)),
    ],
    [span(`      ${current.detail ?? ''}`, 'dim')],
  ]
}

function serviceLines(service: ServiceView, all: readonly ServiceView[]): Line[] {
  const names = Math.max(...all.map(({ name }) => name.length))
  const revisions = all.flatMap(each => each.revisions)
  const versions = Math.max(...revisions.map(({ version }) => version.length))
  const wanted = Math.min(8, Math.max(...revisions.map(revision => Math.max(revision.wanted, revision.ready))))
  return service.revisions.map((revision, index): Line => {
    const tone = index < service.revisions.length - 1 ? 'old' : 'new'
    return [
      span(` ${(index === 0 ? service.name : '').padEnd(names)}  `, 'strong'),
      span(revision.version.padEnd(versions), tone),
      span(`  ${replicas(revision).padEnd(wanted)}`, tone),
      span(` ${`${revision.ready}/${revision.wanted}`.padStart(5)}`),
      ...(service.routed ? weightSpans(revision, tone) : [span('   no port: takes no traffic', 'dim')]),
    ]
  })
}

function replicas({ ready, wanted }: RevisionView): string {
  return `${'●'.repeat(Math.min(8, ready))}${'○'.repeat(Math.max(0, Math.min(8, wanted) - ready))}`
}

function weightSpans(revision: RevisionView, tone: 'old' | 'new'): Line {
  if (revision.warm) return [span('    warm', 'warn'), span(', ready for a rollback', 'dim')]
  const { full, empty } = bar(revision.weight / 100, 20)
  const seen = revision.share === undefined ? '' : `  seen ${(revision.share * 100).toFixed(1).padStart(5)} %`
  return [span(`${String(revision.weight).padStart(6)} %  `), span(full, tone), span(empty, 'dim'), span(seen, 'dim')]
}

function trafficLine(traffic: TrafficView): Line {
  const latency = traffic.p50Ms === undefined ? '' : `  p50 ${short(traffic.p50Ms)}, p95 ${short(traffic.p95Ms)} ms`
  return [
    span(` ${count(traffic.sent)} sent  `),
    span(`${count(traffic.lost)} lost`, traffic.lost > 0 ? 'bad' : 'good'),
    span(`  ${Math.round(traffic.perSecond)}/s${latency}`),
    span(`  ${traffic.webSockets} WebSockets`),
    ...(traffic.appErrors > 0 ? [span(`  ${count(traffic.appErrors)} app errors`, 'warn')] : []),
  ]
}

/** Two digits: the histogram knows no more. */
function short(ms: number | undefined): string {
  return ms === undefined ? '?' : String(Number(ms.toPrecision(2)))
}
