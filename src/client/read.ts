/** Something that is read by its id; given as it was read, it is only fetched when it has changed since, and else given back itself. */
export type ById<T> = string | (T & { readonly id: string })

/** Something that is changed: as it was read, which names its version, or its id, beside which `ifMatch` names it. */
export type Known = string | { readonly id: string }

/** The id of it. */
export function idOf(of: Known): string {
  return typeof of === 'string' ? of : of.id
}
