import { describe } from 'node:test'
import { clockJumps } from './clock.ts'
import { replicasDie } from './deaths.ts'
import { copiesAreLost } from './images.ts'
import { proxyChanges } from './proxy.ts'
import { machineReboots } from './reboot.ts'
import { recordsChange } from './records.ts'
import { startsAgain } from './restart.ts'
import { standsStill } from './stall.ts'
import { strangersListen } from './strangers.ts'

// Each on a machine of its own. Mostly they wait, so some of them do it at the same time. One alone:
// npx node --test --test-name-pattern 'The machine reboots' test/world/world.test.ts
describe('The world changes:', { concurrency: 4 }, () => {
  standsStill()
  clockJumps()
  strangersListen()
  replicasDie()
  proxyChanges()
  machineReboots()
  copiesAreLost()
  startsAgain()
  recordsChange()
})
