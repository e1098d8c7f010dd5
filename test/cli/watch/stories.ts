import { type Style, styleOf } from '../../../src/cli/style.ts'
import { begin, type Names, type Story } from '../../../src/cli/watch/story.ts'
import type { Event, OneDeployment } from '../../../src/client/index.ts'

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
