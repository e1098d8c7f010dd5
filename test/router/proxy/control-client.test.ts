import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { isSlipwayError } from '../../../src/errors.ts'
import { ConnectionLost, type ControlClient, connectControl } from '../../../src/router/proxy/control-client.ts'

describe('a control plane that is answered what it does not know', () => {
  /** Connects to whoever answers each call with this line. */
  async function connected(t: TestContext, line: string, onEnd: () => void = () => {}): Promise<ControlClient> {
    const folder = mkdtempSync(join(tmpdir(), 'slipway-control-'))
    const server = createServer(socket => void socket.on('data', () => socket.write(`${line}\n`)))
    const path = join(folder, 'control.sock')
    await once(server.listen(path), 'listening')
    const client = await connectControl(path, { onEnd })
    t.after(() => {
      client.close()
      server.close()
      rmSync(folder, { recursive: true })
    })
    return client
  }

  test('an error of an unknown code is a defect with its message, and the connection goes on', async t => {
    const client = await connected(t, '{"id":1,"error":{"code":"too_heavy","message":"The table is too heavy."}}')
    await assert.rejects(
      client.call('check', {}, 10_000),
      error => isSlipwayError(error, 'internal') && error.message === 'The table is too heavy.',
    )
    assert.equal(client.open, true)
  })

  for (const line of ['not JSON', '{"id":1,"error":{}}', '[]']) {
    test(`a line that is no answer (${line}) ends the connection, and the call with it`, async t => {
      const ended = Promise.withResolvers<void>()
      const client = await connected(t, line, ended.resolve)
      await assert.rejects(client.call('check', {}, 10_000), ConnectionLost)
      await ended.promise
    })
  }
})
