import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { declaredServiceSchema } from '../../src/instance/schema.ts'
import { wireSchema } from '../../src/server/wire-schema.ts'
import { unwire, wire } from '../../src/wire.ts'

const service = {
  name: 'web',
  image: 'file:./web',
  env: { camelCase: '1', SNAKE_CASE: '2' },
  healthCheck: { type: 'http' as const, minHealthyMs: 0, headers: { 'X-Probe': 'yes' } },
  resources: { memoryBytes: 2_000_000 },
  dependsOn: ['api'],
}

test('what the library takes is taken in snake_case, and names that users chose stay', () => {
  const wired = wire(service)
  assert.deepEqual(wired.env, service.env)
  assert.deepEqual(wireSchema(declaredServiceSchema).parse(wired), wired)
  assert.deepEqual(unwire(wired), service)
})

test('the names of the library are refused on the wire, where they stand', () => {
  const result = wireSchema(declaredServiceSchema).safeParse({ ...wire(service), health_check: service.healthCheck })
  assert.deepEqual(
    result.error?.issues.map(({ code, path }) => [code, path.join('.')]),
    [['unrecognized_keys', 'health_check']],
  )
})

test('what the library refuses is refused on the wire, checks of whole objects included', () => {
  const schema = wireSchema(
    z
      .strictObject({ theLower: z.number(), theUpper: z.number().nullable() })
      .refine(({ theLower }) => theLower !== 13, 'unlucky'),
  )
  assert.equal(schema.safeParse({ the_lower: 1, the_upper: null }).success, true)
  assert.equal(schema.safeParse({ the_lower: 'x', the_upper: 1 }).success, false)
  assert.equal(wireSchema(declaredServiceSchema).safeParse({ ...wire(service), name: 'Web' }).success, false)
  const tooLong = { ...wire(service), env: { A: 'x'.repeat(131_072), B: 'x'.repeat(131_072), C: 'x'.repeat(131_072) } }
  assert.equal(wireSchema(declaredServiceSchema).safeParse(tooLong).success, false)
})
