import { startLoad } from '../src/demo/load/load.ts'
import { type Figure, median, rounded } from './figure.ts'
import { apiOf, type Place, succeeded } from './place.ts'

const rps = 2000
/** Of 2,000 a second: more of them would leave the machine without ports, each being kept back for a minute after its use. */
const freshShare = 0.1
/** With more than two seconds' worth of requests unanswered the machine cannot carry the load, whoever else takes its share. */
const mostInFlight = 2 * rps

/** Requests lost while all traffic is switched from one revision to the next again and again, the old one drained and stopped each time. */
export async function benchSwitches({ acme, slipway, shop, open }: Place, switches: number): Promise<Figure> {
  const instance = await open({ name: 'switches', services: [apiOf(shop['api-1'])] })
  const target = { ...slipway.front, hostHeader: 'api.switches.acme.localhost' }
  const load = startLoad({ target, rps, freshShare, expect: { type: 'shop', service: 'api' } })
  const took: number[] = []
  const switchOver = async (turn: number): Promise<void> => {
    const services = [apiOf(shop[turn % 2 === 0 ? 'api-2' : 'api-1'], { SWITCH: String(turn) })]
    const options = { keepWarmSeconds: 0 }
    const began = performance.now()
    await succeeded(acme, await acme.deploy({ instanceId: instance.id, strategy: 'blue-green', services, options }))
    took.push(performance.now() - began)
  }
  try {
    await load.until(({ answered }) => answered > rps / 4)
    for (let turn = 0; turn < switches && load.stats().inFlight <= mostInFlight; turn++) await switchOver(turn)
  } catch (error) {
    await load.stop()
    throw error
  }
  const { sent, answered, appErrors, lost, causes, losses, lateMs, sendingMs } = await load.stop()
  await instance.remove()
  return {
    figure: 'lost_over_switches',
    value: lost,
    reach: '0',
    ok: lost === 0 && took.length === switches,
    switches: took.length,
    ...(took.length < switches
      ? { overloaded: `more than ${mostInFlight} requests were unanswered; ended early` }
      : {}),
    sent,
    answered,
    app_errors: appErrors,
    asked_per_second: rps,
    sent_per_second: Math.round((1000 * sent) / sendingMs),
    generator_late_ms: rounded(lateMs, 1),
    switch_ms: rounded(median(took), 1),
    ...(lost > 0 ? { causes, losses } : {}),
  }
}
