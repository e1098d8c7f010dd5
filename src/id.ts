import { typeidUnboxed } from 'typeid-js'

/** The kinds of id: deployment, release, instance, event, token, audit entry, task, request, worker, store, webhook, delivery, and the rows that only the store sees. */
export type IdKind =
  | 'dep'
  | 'rel'
  | 'inst'
  | 'evt'
  | 'tok'
  | 'aud'
  | 'task'
  | 'req'
  | 'wrk'
  | 'store'
  | 'sig'
  | 'sec'
  | 'whk'
  | 'dlv'

/** A new TypeID such as `dep_01jd3…`: unique, and sorted by the time it was made. */
export function newId(kind: IdKind): string {
  return typeidUnboxed(kind)
}
