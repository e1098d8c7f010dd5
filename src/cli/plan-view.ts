import type { Instance, Plan, Step } from '../client/index.ts'
import { spanOf } from './ago.ts'
import { differenceLines } from './difference.ts'
import { shown } from './shown.ts'
import type { Style } from './style.ts'

/** What a deploy would do, as lines. */
export function planLines(
  { name, tenant_id }: Pick<Instance, 'name' | 'tenant_id'>,
  plan: Plan,
  version: number | undefined,
  style: Style,
): string[] {
  const from = version === undefined ? 'nothing' : `v${version}`
  const heading = `${style.bold(shown(name))} (${shown(tenant_id)})  ${from} ${style.arrow} new release  ${plan.strategy}`
  const changes = differenceLines(plan.changes, style)
  return [
    heading,
    ...(changes.length > 0 ? ['', ...changes] : []),
    ...(plan.steps === undefined ? ['', '  steps      decided while it runs'] : stepLines(plan.steps)),
    ...details(plan, style),
  ]
}

function stepLines(steps: readonly Step[]): string[] {
  if (steps.length === 0) return []
  const digits = String(steps.length).length
  return ['', ...steps.map((step, at) => `  ${String(at + 1).padStart(digits)}  ${shown(step.name)}`)]
}

function details({ downtime, behind, quota, will_take }: Plan, style: Style): string[] {
  const lines = [
    ...downtime.map(text => `  ${style.mood('waiting', style.glyph('waiting'))} downtime  ${shown(text)}`),
    ...(behind > 0 ? [`  waits      behind ${behind} that ${behind === 1 ? 'runs or waits' : 'run or wait'}`] : []),
    ...Object.entries(quota ?? {}).flatMap(([what, use]) => {
      if (use === undefined) return []
      const mood = use.exceeded ? 'bad' : 'good'
      const sign = style.mood(mood, style.glyph(mood))
      return [`  ${sign} quota    ${what.replace('_', ' ')} ${use.wanted}/${use.limit}`]
    }),
    ...(will_take
      ? [`  will take  about ${spanOf(will_take.median_ms)}   (last: ${will_take.last_ms.map(spanOf).join(' ')})`]
      : []),
  ]
  return lines.length > 0 ? ['', ...lines] : []
}
