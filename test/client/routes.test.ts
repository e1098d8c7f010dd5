import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createClient } from '../../src/client/index.ts'
import { rules } from '../../src/server/rules.ts'

describe('the client has a method for each route', () => {
  test('and none for what is no route', async () => {
    const asked = new Set<string>()
    const client = createClient({
      url: 'http://server.example/prefix',
      retries: 0,
      fetch: async (url, init) => {
        asked.add(routeOf(init.method ?? '', new URL(url).pathname.replace('/prefix', '')))
        return new Response('{}', { status: 404 })
      },
    })
    for (const method of methodsOf(client)) await use(method)
    const routes = Object.keys(rules)
    assert.deepEqual(
      routes.filter(route => !asked.has(route)),
      [],
      'these have no method in src/client',
    )
    assert.deepEqual(
      [...asked].filter(route => !routes.includes(route)),
      [],
    )
  })
})

type Method = (...words: string[]) => unknown

function methodsOf(part: object): Method[] {
  return Object.values(part).flatMap((value: unknown) =>
    typeof value === 'function' ? [value as Method] : methodsOf(value as object),
  )
}

/** Calls it with words where ids and the like belong; what it is refused is not the point. */
async function use(method: Method): Promise<void> {
  const made = method('x', 'x')
  const asked =
    Symbol.asyncIterator in Object(made) ? (made as AsyncIterable<unknown>)[Symbol.asyncIterator]().next() : made
  await assert.rejects(asked as Promise<unknown>, { name: 'SlipwayApiError' })
}

/** The route that a path belongs to: words are no parameters. */
function routeOf(method: string, path: string): string {
  const forms = Object.keys(rules).map(key => key.split(' ')[1] ?? '')
  const form = forms
    .toSorted((a, b) => a.split('{').length - b.split('{').length)
    .find(form => new RegExp(`^${form.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path))
  return `${method} ${form ?? path}`
}
