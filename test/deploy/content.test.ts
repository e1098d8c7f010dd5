import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { canonicalJson, sameContent } from '../../src/deploy/revision.ts'

/** Small, so that two of them are the same now and then, or nearly. */
const leaf = fc.constantFrom(null, undefined, 0, 1, '', 'a', '0', true, false)
const { value } = fc.letrec(tie => ({
  value: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    leaf,
    fc.array(tie('value'), { maxLength: 2 }),
    fc.dictionary(fc.constantFrom('a', 'b', '0'), tie('value'), { maxKeys: 2 }),
  ),
}))

test('two values have the same content exactly when their canonical JSON is the same', () => {
  fc.assert(
    fc.property(value, value, (a, b) => {
      assert.equal(sameContent(a, b), canonicalJson(a) === canonicalJson(b))
      assert.equal(sameContent([a, b], [b, a]), canonicalJson([a, b]) === canonicalJson([b, a]))
      assert.equal(sameContent({ a, b }, { b, a: structuredClone(a), c: undefined }), true)
    }),
    { numRuns: 2000 },
  )
})
