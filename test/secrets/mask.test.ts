import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { masker } from '../../src/secrets/mask.ts'

test('a value is masked as it is, as base64, URL-encoded and as JSON writes it', () => {
  const value = 'p@ss "word"/ä?'
  const masked = masker([value])
  for (const form of [
    value,
    JSON.stringify({ value }).slice(10, -2),
    encodeURIComponent(value),
    new URLSearchParams({ value }).toString().slice(6),
    Buffer.from(value).toString('base64'),
    Buffer.from(value).toString('base64url'),
  ]) {
    assert.equal(masked(`a ${form} b`).replace(/•••=*/u, '•••'), 'a ••• b', form)
  }
})

test('a value inside something that is encoded is masked', () => {
  const masked = masker(['correct-horse'])
  for (const user of ['a', 'al', 'ali', 'alic']) {
    const header = Buffer.from(`${user}:correct-horse:x`).toString('base64')
    const left = masked(`Authorization: Basic ${header}`)
    assert.match(left, /•••/u)
    assert.equal(Buffer.from(left.split(' ')[2] ?? '', 'base64').includes('rect-hor'), false)
  }
})

test('a value of several lines is masked line by line', () => {
  const masked = masker(['-----BEGIN KEY-----\r\nMIIabc\n  x\nMIIdef\n'])
  assert.equal(masked('  MIIdef'), '  •••')
  assert.equal(masked('read MIIabc'), 'read •••')
  assert.equal(masked('x = 1'), 'x = 1')
})

test('of overlapping values nothing is left', () => {
  assert.equal(masker(['abcdef', 'defghi', 'cde'])('-abcdefghi-'), '-•••-')
  assert.equal(masker(['secret', 'secret-long'])('secret-long secret'), '••• •••')
  assert.equal(masker(['aba'])('ababa'), '•••')
})

test('values of fewer than three characters are left alone, as a line without secrets is', () => {
  const masked = masker(['', 'x', 'ab'])
  assert.equal(masked('ab x'), 'ab x')
  assert.equal(masker(['abc'])('nothing here'), 'nothing here')
})

test('whatever the values and wherever they stand, none is left in a line', () => {
  const values = fc.array(fc.string({ unit: 'grapheme', minLength: 3, maxLength: 12 }), { minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(values, fc.array(fc.oneof(fc.string({ maxLength: 5 }), fc.nat(4))), (secrets, parts) => {
      const line = parts
        .map(part => (typeof part === 'number' ? (secrets[part % secrets.length] ?? '') : part))
        .join('')
      const masked = masker(secrets)(line)
      for (const secret of secrets) assert.equal(masked.includes(secret) && !'•••'.includes(secret), false)
    }),
  )
})
