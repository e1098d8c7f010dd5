import { type Figure, median, percentile, rounded } from './figure.ts'
import { floorMs } from './floor.ts'
import { apiOf, type Place, succeeded } from './place.ts'

/** One sample: the floor and a deploy, measured one directly after the other. */
interface Pair {
  readonly floor: number
  readonly deploy: number
}

type StrategyName = 'blue-green' | 'rolling' | 'recreate'

/** How much longer than the start of the program a deploy of one replica takes, from the call to its success, each sample beside a floor of its own. */
export async function benchDeploys(place: Place, samples: number): Promise<Figure[]> {
  const pairs: Record<StrategyName, Pair[]> = { 'blue-green': [], rolling: [], recreate: [] }
  // Once each unmeasured: what Node and SQLite compile at the first time is no part of a deploy.
  for (let sample = -1; sample < samples; sample++) {
    for (const strategy of ['blue-green', 'rolling', 'recreate'] as const) {
      const pair = await samplePair(place, strategy, sample)
      if (sample >= 0) pairs[strategy].push(pair)
    }
  }
  return [
    { ...figureOf('deploy_over_floor', 'blue-green', pairs), reach: '<= 1.15' },
    figureOf('deploy_over_floor_rolling', 'rolling', pairs),
    figureOf('deploy_over_floor_recreate', 'recreate', pairs),
  ].map(figure => (figure.reach === undefined ? figure : { ...figure, ok: figure.value <= 1.15 }))
}

/** On an instance of its own, so that no deploy has to clear away what an earlier one kept warm. */
async function samplePair({ acme, shop, open }: Place, strategy: StrategyName, sample: number): Promise<Pair> {
  const instance = await open({ name: `${strategy}-${sample + 1}`, services: [apiOf(shop['api-1'])] })
  const deploy = async (): Promise<number> => {
    const began = performance.now()
    const request = { instanceId: instance.id, strategy, services: [apiOf(shop['api-1'], { SAMPLE: String(sample) })] }
    await succeeded(acme, await acme.deploy(request))
    return performance.now() - began
  }
  // In turns, so that neither always comes first.
  const pair =
    sample % 2 === 0
      ? { floor: await floorMs(shop['api-1'], '/healthz'), deploy: await deploy() }
      : { deploy: await deploy(), floor: await floorMs(shop['api-1'], '/healthz') }
  await instance.remove()
  return pair
}

function figureOf(
  figure: string,
  strategy: StrategyName,
  pairs: Readonly<Record<StrategyName, readonly Pair[]>>,
): Figure {
  const floors = pairs[strategy].map(({ floor }) => floor)
  const deploys = pairs[strategy].map(({ deploy }) => deploy)
  const ratios = pairs[strategy].map(({ floor, deploy }) => deploy / floor)
  const quartile = (values: readonly number[]): number => percentile(values, 0.25)
  return {
    figure,
    value: rounded(median(ratios)),
    strategy,
    samples: ratios.length,
    floor_ms: rounded(median(floors), 1),
    deploy_ms: rounded(median(deploys), 1),
    over_ms: rounded(median(pairs[strategy].map(({ floor, deploy }) => deploy - floor)), 1),
    lowest: rounded(Math.min(...ratios)),
    highest: rounded(Math.max(...ratios)),
    // Where others use the machine, the quicker samples of both say more than the middle ones.
    quartile_ratio: rounded(quartile(deploys) / quartile(floors)),
  }
}
