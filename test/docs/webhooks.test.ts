import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { retentionDefaults } from '../../src/engine/caretaker.ts'
import { keptAttempts } from '../../src/event/webhook.ts'
import { receiverTimeoutMs } from '../../src/event/webhook-deliverer.ts'
import { retrySchedule } from '../../src/event/webhook-schedule.ts'
import { webhookDefaults } from '../../src/event/webhook-schema.ts'
import { newWebhookSecret, signed } from '../../src/event/webhook-secret.ts'
import { keptCharacters } from '../../src/event/webhook-send.ts'
import { inFlightLimits } from '../../src/event/webhook-sender.ts'
import { rules } from '../../src/server/rules.ts'
import { blocksOf, proseOf, sectionOf, textOf } from './markdown.ts'
import { receiver } from './receiver.ts'

const text = textOf('docs/webhooks.md').replaceAll(/\s+/g, ' ')
const { firstMs, factor, longestMs, giveUpMs } = retrySchedule

describe('docs/webhooks.md', () => {
  test('tells the numbers that are used', () => {
    for (const sentence of [
      `At most ${inFlightLimits.each} requests are under way to a webhook, ${inFlightLimits.failing} while it fails, and ${inFlightLimits.all} in all, ${inFlightLimits.tenant} of them of one tenant`,
      `none within ${receiverTimeoutMs / 1000} s`,
      `after ${firstMs / 1000} s, each next one after ${factor} times that, at most ${longestMs / 3_600_000} h`,
      `The last try is ${giveUpMs / 3_600_000} h after`,
      `its last ${keptAttempts} attempts`,
      `the first ${keptCharacters} characters`,
      `kept for ${retentionDefaults.keepDeliveriesMs / 86_400_000} days`,
      `For ${webhookDefaults.overlapSeconds} s, or`,
    ]) {
      assert.ok(text.includes(sentence), sentence)
    }
  })

  test('shows a receiver that takes each event down once, and nothing that is not signed', async () => {
    const [block] = blocksOf(textOf('docs/webhooks.md'))
    assert.equal(block?.code, readFileSync(new URL('./receiver.ts', import.meta.url), 'utf8'))
    const taken: unknown[] = []
    const secret = newWebhookSecret()
    const receive = receiver(secret, event => void taken.push(event))
    const send = async (body: string, headers: Record<string, string>): Promise<number> =>
      (await receive(new Request('http://receiver.example', { method: 'POST', body, headers }))).status
    const headers = signed('evt_1', Date.now(), '{"seq":1}', [newWebhookSecret(), secret])
    assert.deepEqual([await send('{"seq":1}', headers), await send('{"seq":1}', headers)], [204, 204])
    assert.equal(await send('{"seq":2}', headers), 401)
    assert.deepEqual(taken, [{ seq: 1 }])
  })

  test('names routes that are there', () => {
    const named = [...proseOf(textOf('docs/webhooks.md')).matchAll(/`((?:GET|POST|PATCH|DELETE) \S+?)`/g)].map(
      ([, route = '']) => route.replace('…/', '/v1/webhooks/{id}/'),
    )
    assert.ok(named.length >= 6)
    assert.deepEqual(
      named.filter(route => !Object.hasOwn(rules, route)),
      [],
    )
  })

  test('says what comes of each answer', () => {
    assert.match(sectionOf(textOf('docs/webhooks.md'), 'Answers'), /410.*disabled[\s\S]*3xx.*tried again/)
  })
})
