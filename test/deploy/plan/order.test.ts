import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dependenciesOf, dependencyOrder } from '../../../src/deploy/strategies/order.ts'
import { isSlipwayError } from '../../../src/errors.ts'

const services = [
  { name: 'web', dependsOn: ['api', 'elsewhere'] },
  { name: 'worker' },
  { name: 'api', dependsOn: ['db'] },
  { name: 'db' },
]

test('services stand after what they depend on, else as declared', () => {
  assert.deepEqual(
    dependencyOrder(services).map(service => service.name),
    ['db', 'api', 'web', 'worker'],
  )
  assert.deepEqual([...dependenciesOf('web', services)], ['api', 'db', 'elsewhere'])
})

test('a circle is refused, and named', () => {
  const circle = [
    { name: 'web', dependsOn: ['api'] },
    { name: 'api', dependsOn: ['db'] },
    { name: 'db', dependsOn: ['api'] },
  ]
  assert.throws(
    () => dependencyOrder(circle),
    (error: unknown) => isSlipwayError(error, 'dependency_cycle') && error.message.endsWith('api → db → api.'),
  )
  assert.throws(() => dependencyOrder([{ name: 'web', dependsOn: ['web'] }]), /web → web/)
})
