import type { ExtractSchema } from 'hono/types'
import type { Api, RouteKey } from '../server/index.ts'

/** What the server answers on a route when it does as asked, by the routes themselves: a method that promises anything else does not compile. */
export type Answer<K extends RouteKey> =
  Extract<RouteOf<K>, { status: 200 | 201 | 202 }> extends { output: infer O } ? O : never

type Schema = ExtractSchema<Api>

type RouteOf<K extends RouteKey> = K extends `${infer Method} ${infer Path}`
  ? Colon<Path> extends keyof Schema
    ? `$${Lowercase<Method>}` extends keyof Schema[Colon<Path>]
      ? Schema[Colon<Path>][`$${Lowercase<Method>}` & keyof Schema[Colon<Path>]]
      : never
    : never
  : never

type Colon<Path extends string> = Path extends `${infer Head}{${infer Name}}${infer Rest}`
  ? `${Head}:${Name}${Colon<Rest>}`
  : Path
