import assert from 'node:assert/strict'
import { test } from 'node:test'
import { oidcDefaults } from '../../src/auth/oidc/config.ts'
import { keyLimits } from '../../src/auth/oidc/keys.ts'
import { tokenDefaults } from '../../src/auth/token-service.ts'
import { rateDefaults } from '../../src/server/rate-limit.ts'
import { textOf } from './markdown.ts'

test('docs/security.md says the numbers that the code has', () => {
  const text = textOf('docs/security.md')
  assert.ok(text.includes(`more than ${rateDefaults.failure} requests a minute`))
  assert.ok(text.includes(`${tokenDefaults.expiresInDays} days unless`))
  assert.ok(text.includes(`differ by ${oidcDefaults.clockToleranceSeconds} s`))
  assert.deepEqual([oidcDefaults.maxAgeSeconds, keyLimits.keptMs], [3600, 3_600_000]) // it says: an hour
})
