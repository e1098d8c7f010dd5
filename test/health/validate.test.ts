import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ErrorCode } from '../../src/errors.ts'
import { isSlipwayError } from '../../src/errors.ts'
import type { HealthCheck } from '../../src/health/check.ts'
import { validateHealthCheck } from '../../src/health/validate.ts'

const api = { name: 'api', ports: [{ name: 'http' }, { name: 'admin' }] }
const worker = { name: 'worker' }

const bad: [string, HealthCheck, typeof api | typeof worker, ErrorCode][] = [
  ['http without a port', { type: 'http' }, worker, 'bad_health_check'],
  ['tcp without a port', { type: 'tcp' }, worker, 'bad_health_check'],
  ['a port nobody has', { type: 'tcp', port: 'grpc' }, api, 'unknown_port'],
  ['an empty command', { type: 'command', command: [] }, worker, 'bad_health_check'],
  ['a blank command', { type: 'command', command: [' '] }, worker, 'bad_health_check'],
  ['a path without /', { type: 'http', path: 'healthz' }, api, 'bad_health_check'],
  ['a path with a space', { type: 'http', path: '/a b' }, api, 'bad_health_check'],
  ['a path with NUL', { type: 'http', path: '/\0' }, api, 'bad_health_check'],
  ['statuses upside down', { type: 'http', status: [399, 200] }, api, 'bad_health_check'],
  ['a status that is none', { type: 'http', status: [200, 1000] }, api, 'bad_health_check'],
  ['a header with a line break', { type: 'http', headers: { a: 'b\r\nc: d' } }, api, 'bad_health_check'],
  ['no interval', { type: 'tcp', intervalMs: 0 }, api, 'bad_health_check'],
  ['a negative timeout', { type: 'tcp', timeoutMs: -1 }, api, 'bad_health_check'],
  ['no successes', { type: 'tcp', healthyAfter: 0 }, api, 'bad_health_check'],
  ['half a failure', { type: 'tcp', unhealthyAfter: 1.5 }, api, 'bad_health_check'],
  ['a negative minHealthyMs', { type: 'tcp', minHealthyMs: -1 }, api, 'bad_health_check'],
]

for (const [what, check, service, code] of bad) {
  test(`a health check with ${what} is refused with ${code} and a next step`, () => {
    assert.throws(
      () => validateHealthCheck(check, service),
      error => isSlipwayError(error, code) && error.message.includes(service.name) && error.next !== undefined,
    )
  })
}

test('health checks that can be are accepted', () => {
  validateHealthCheck({ type: 'http', path: '/up?full=1', port: 'admin', status: [200, 200], minHealthyMs: 0 }, api)
  validateHealthCheck({ type: 'tcp' }, api)
  validateHealthCheck({ type: 'command', command: ['./up'], intervalMs: 100, timeoutMs: 50, healthyAfter: 2 }, worker)
})
