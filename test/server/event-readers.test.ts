import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { eventBus } from '../../src/event/bus.ts'
import { EventReader } from '../../src/server/event-reader.ts'
import { eventReaders } from '../../src/server/event-readers.ts'
import type { Outlet } from '../../src/server/outlet.ts'
import { sqliteStore } from '../../src/store/sqlite.ts'

// Readers on connections that are full at any time, with room again at any other: what each is told, against what the log has for it.

interface Client extends Outlet {
  readonly heard: number[]
  readonly reader: EventReader
  full: boolean
}

test('whenever connections are full, each reader is told of everything it asked for, in order and once', async t => {
  const store = await sqliteStore({ path: ':memory:' })
  t.after(() => store.close())
  const runs = process.env['SLIPWAY_TEST_FULL'] ? 300 : 30
  const move = fc.oneof(
    { weight: 4, arbitrary: fc.record({ publish: fc.integer({ min: 1, max: 4 }), scaled: fc.boolean() }) },
    { weight: 2, arbitrary: fc.record({ fill: fc.nat(3) }) },
    { weight: 2, arbitrary: fc.record({ drain: fc.nat(3) }) },
    { weight: 1, arbitrary: fc.constant('wait' as const) },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(move, { minLength: 5, maxLength: 60 }), async moves => {
      const bus = eventBus({ events: store.events })
      const end = new AbortController()
      const readers = eventReaders({ bus, end: end.signal, log: { warn: () => {} } }, () => store.events.lastSeq())
      const from = await store.events.lastSeq()
      const clients = [false, false, true, true].map(scaled => open(scaled ? { types: ['instance.scaled'] } : {}))

      function open(filter: EventReader['filter']): Client {
        const reader = new EventReader(filter, from, {
          readers,
          bus,
          head: () => store.events.lastSeq(),
          reaches: async () => true,
          beatMs: 1e6,
          allowed: async () => true,
          ended: () => {},
        })
        const client: Client = {
          heard: [],
          reader,
          full: false,
          write(bytes) {
            const [, id] = /^id: (\d+)\ndata:/m.exec(Buffer.from(bytes).toString()) ?? []
            if (id !== undefined) client.heard.push(Number(id))
            return !client.full
          },
          end: () => {},
          cut: () => {},
        }
        reader.open(client)
        return client
      }
      const drain = (client: Client | undefined): void => {
        if (!client) return
        client.full = false
        client.reader.ready()
      }

      for (const one of moves) {
        if (one === 'wait') await new Promise(resolve => setImmediate(resolve))
        else if ('publish' in one) {
          const type = one.scaled ? ('instance.scaled' as const) : ('instance.updated' as const)
          await Promise.all(Array.from({ length: one.publish }, () => bus.publish({ type, tenantId: 'acme' })))
        } else if ('fill' in one) {
          const client = clients[one.fill]
          if (client) client.full = true
        } else drain(clients[one.drain])
      }
      const events = await store.events.read({ after: from, limit: 10_000 })
      const wanted = clients.map(({ reader: { filter } }) =>
        events.filter(({ type }) => filter.types?.includes(type) ?? true).map(({ seq }) => seq),
      )
      const deadline = performance.now() + 10_000
      const missing = (): boolean => clients.some(({ heard }, at) => heard.length < (wanted[at]?.length ?? 0))
      for (const client of clients) drain(client)
      while (missing() && performance.now() < deadline) {
        bus.wake()
        await new Promise(resolve => setImmediate(resolve))
      }
      for (const [at, { heard }] of clients.entries()) assert.deepEqual(heard, wanted[at])
      end.abort()
      for (const { reader } of clients) reader.dismiss()
      await bus.close()
    }),
    { numRuns: runs },
  )
})
