import { type Style, styleOf } from '../../../src/cli/style.ts'
import { begin, type Names, type Story } from '../../../src/cli/watch/story.ts'
import type { Event, OneDeployment, Traffic } from '../../../src/client/index.ts'

/** The moment that stories are told at. */
export const now = Date.parse('2026-11-23T12:05:00Z')

export const id = 'dep_01kdxxq7v3e9tr6s1a2b3c4d5e'

const names: Names = { instance: 'checkout', from: 18, to: 19 }

/** A canary of two services in the middle of its run, with what is different. */
export function deployment(more: Partial<OneDeployment> = {}): OneDeployment {
  const at = '2026-11-23T12:00:48Z'
  const step = (
    position: number,
    state: 'pending' | 'begun' | 'done',
    name: string,
  ): OneDeployment['steps'][number] => ({
    phase: 'forward',
    position,
    state,
    step: { kind: 'hold', name, table: [], seconds: 1, checks: [] },
  })
  return {
    id,
    created_at: at,
    updated_at: at,
    started_at: at,
    tenant_id: 'acme',
    instance_id: 'inst_1',
    release_id: 'rel_19',
    from_release_id: 'rel_18',
    kind: 'deploy',
    state: 'running',
    strategy: 'canary',
    services: [],
    service_progress: { api: 'running', cron: 'succeeded' },
    initiator: 'ci',
    reason: { code: 'health', text: 'run 2 of api', since: '2026-11-23T12:04:00Z' },
    step: 2,
    step_count: 4,
    steps: [
      step(0, 'done', 'run 1 of api (5%)'),
      step(1, 'done', 'route api 5%'),
      step(2, 'begun', 'run 2 of api (25%)'),
      step(3, 'pending', 'route api 25%'),
    ],
    replicas: {
      api: { old: { ready: 3, want: 3 }, new: { ready: 1, want: 2 } },
      cron: { old: { ready: 0, want: 0 }, new: { ready: 1, want: 1 } },
    },
    traffic: { api: { set: 25, actual: 24 } },
    eta: { median_ms: 660_000, basis: 'last 5', last_ms: [660_000], remaining_ms: 420_000 },
    allowed_actions: [
      { action: 'promote', allowed: false, why: 'It does not wait at a pause of its plan.' },
      { action: 'pause', allowed: true },
      { action: 'cancel', allowed: true },
    ],
    last_event_id: '10',
    links: { self: '', events: '', steps: '', timeline: '', traffic: '', logs: '' },
    ...more,
  }
}

type Steps = OneDeployment['steps']
type Check = Traffic['checks'][number]['check']

export const checks: readonly Check[] = [
  { type: 'errors', max_rate: 0.01 },
  { type: 'latency', max_p95_ms: 300 },
]

/** The steps of a canary of api and web by 5, 25, 50 and 100 %: in the hold at 25 %, 12 s of its 60 are over. */
export function ladder(of: readonly Check[] = checks): Steps {
  const row = (service: string, side: 'old' | 'new', weight: number): Steps[number]['step']['table'][number] => ({
    service,
    revision: `${side}.1`,
    replicas: 3,
    weight,
    release: side === 'old' ? 'rel_18' : 'rel_19',
  })
  const table = (weight: number): Steps[number]['step']['table'] =>
    ['api', 'web'].flatMap(service => [
      ...(weight < 100 ? [row(service, 'old', 100 - weight)] : []),
      ...(weight > 0 ? [row(service, 'new', weight)] : []),
    ])
  const shares = [5, 25, 50, 100]
  const steps = shares.flatMap((weight, at): Steps[number]['step'][] => [
    {
      kind: 'run',
      name: `run 1 of api to ${weight}`,
      service: 'api',
      revision: 'new.1',
      replicas: at + 1,
      release: 'rel_19',
      table: table(shares[at - 1] ?? 0),
    },
    {
      kind: 'route',
      name: `route api ${weight} % to new, web ${weight} % to new`,
      weights: { api: { 'new.1': weight, 'old.1': 100 - weight }, web: { 'new.1': weight, 'old.1': 100 - weight } },
      table: table(weight),
    },
    ...(weight < 100
      ? [{ kind: 'hold' as const, name: 'hold 60 s', seconds: 60, checks: [...of], table: table(weight) }]
      : [
          {
            kind: 'retire' as const,
            name: 'retire api old to 0',
            service: 'api',
            revision: 'old.1',
            replicas: 0,
            table: table(100),
          },
        ]),
  ])
  const began = (seconds: number): string => new Date(now - seconds * 1000).toISOString()
  return steps.map((step, position): Steps[number] => {
    if (position > 5) return { phase: 'forward', position, state: 'pending', step }
    const began_at = began(position === 5 ? 12 : 90 - 10 * position)
    if (position === 5) return { phase: 'forward', position, state: 'begun', step, began_at }
    return { phase: 'forward', position, state: 'done', step, began_at, ended_at: began(80 - 10 * position) }
  })
}

/** What is different of {@link deployment} when it moves by that ladder. */
export const climbing: Partial<OneDeployment> = {
  service_progress: { api: 'running', web: 'running' },
  reason: { code: 'baking', text: 'hold 60 s', since: new Date(now - 12_000).toISOString() },
  step: 5,
  step_count: 12,
  steps: ladder(),
  replicas: {
    api: { old: { ready: 3, want: 3 }, new: { ready: 1, want: 2 } },
    web: { old: { ready: 2, want: 2 }, new: { ready: 1, want: 1 } },
  },
  traffic: { api: { set: 25, actual: 24.2 }, web: { set: 25, actual: 9 } },
}

/** What its checks found by then: error rates and latencies, as shares of what is allowed. */
export function chart(errors: readonly number[], latencies: readonly number[], of: readonly Check[] = checks): Traffic {
  const series = (values: readonly number[], measure: 'error_rate' | 'p95_ms', threshold: number) =>
    values.map((share, at) => ({
      at: new Date(now - 1000 * (values.length - at)).toISOString(),
      verdict: share > 1 ? ('fail' as const) : ('pass' as const),
      text: `It is ${share} of what is allowed.`,
      value: share * threshold,
      threshold,
      measure,
      service: 'api',
      samples: 500,
    }))
  const [first, second] = of
  return {
    deployment_id: id,
    services: [],
    checks: [
      ...(first ? [{ position: 5, check: first, values: series(errors, 'error_rate', 0.01) }] : []),
      ...(second ? [{ position: 5, check: second, values: series(latencies, 'p95_ms', 300) }] : []),
    ],
  }
}

/** What the end of that hold tells. */
export function checked(seq: number, errors: number, latency: number): Event {
  const found = (type: string, measure: string, value: number, threshold: number): object => ({
    type,
    verdict: value > threshold ? 'fail' : 'pass',
    text: 'as it was measured',
    value,
    threshold,
    measure,
    service: 'api',
    samples: 500,
  })
  return event(seq, 'deploy.checked', {
    step: 6,
    name: 'hold 60 s',
    verdict: errors > 0.01 || latency > 300 ? 'fail' : 'pass',
    checks: [found('errors', 'error_rate', errors, 0.01), found('latency', 'p95_ms', latency, 300)],
  })
}

/** Its story. */
export function story(more: Partial<OneDeployment> = {}, called: Partial<Names> = {}): Story {
  return begin(deployment(more), { ...names, ...called })
}

/** An event of it. */
export function event(seq: number, type: Event['type'], data?: Record<string, unknown>): Event {
  const at = new Date(now + seq).toISOString()
  return { id: `evt_${seq}`, seq, at, type, tenant_id: 'acme', deployment_id: id, ...(data ? { data } : {}) }
}

/** How it is written: in colour or not, in ASCII or not. */
export function style({ colour = false, ascii = false } = {}): Style {
  return styleOf({ isTty: colour }, {}, ascii)
}
