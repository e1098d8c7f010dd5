import { deploy, moved, moving, type Scenario, scenarios } from './scenario.ts'

/** Everything that is asked while somebody is killed at random: nothing, whatever `scenarios` has, rollouts of one service, and cancels at any time. */
export function asksFor(cancelAfterMs: number): readonly Scenario[] {
  return [
    { name: 'nothing', begins: { happens: () => {} }, ends: 'succeeded' },
    ...scenarios.filter(({ begins, first }) => typeof begins === 'function' && !first),
    ...(['rolling', 'blue-green', 'canary'] as const).flatMap(strategy => [
      webAlone(strategy),
      cancelledAfter(cancelAfterMs, strategy),
    ]),
    { ...cancelledAfter(cancelAfterMs, 'recreate'), lossy: true },
  ]
}

type Strategy = Parameters<typeof moved>[0]

function webAlone(strategy: Strategy): Scenario {
  return {
    name: `${strategy} of one service`,
    begins: async stage =>
      deploy(
        stage,
        strategy,
        (await moving(stage)).filter(({ name }) => name === 'web'),
      ),
    ends: 'succeeded',
  }
}

function cancelledAfter(ms: number, strategy: Strategy): Scenario {
  return {
    name: `${strategy}, cancelled at any time`,
    begins: moved(strategy),
    words: [{ at: ({ createdAt }) => Date.now() - Date.parse(createdAt) >= ms, say: 'cancel' }],
    ends: ['cancelled', 'succeeded'],
  }
}
