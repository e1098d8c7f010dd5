import type { Event } from '../../client/index.ts'
import type { Step } from '../../index.ts'
import type { CurrentDeployment } from '../screen/state.ts'

/** What the screen shows of a deployment after one more of its events. */
export function progressed(current: CurrentDeployment, { type, data = {} }: Event): CurrentDeployment {
  if (type === 'deploy.undoing') {
    const steps = data['steps'] as readonly string[]
    return {
      ...current,
      undoing: true,
      detail: String(data['because']),
      step: steps[0] ?? 'nothing to take back',
      stepNumber: Math.min(1, steps.length),
      stepCount: steps.length,
      percent: 0,
    }
  }
  if (type !== 'deploy.progress' || typeof data['step'] !== 'number') return current
  const { detail: _, ...rest } = current
  const stepCount = typeof data['steps'] === 'number' ? data['steps'] : current.stepCount
  const detail = data['undo'] === true ? current.detail : details[data['kind'] as Step['kind']]
  return {
    ...rest,
    step: String(data['name']),
    stepNumber: data['step'],
    stepCount,
    percent: (100 * (data['step'] - 1)) / Math.max(1, stepCount),
    ...(detail === undefined ? {} : { detail }),
  }
}

const details: Readonly<Record<Step['kind'], string | undefined>> = {
  prepare: 'everything is fetched before anything is touched',
  task: 'runs once, before the first replica',
  run: 'until they are ready, and stay so',
  route: undefined,
  hold: 'the new release has to prove itself with this share',
  pause: 'waits to be promoted',
  retire: 'requests in flight end first',
}
