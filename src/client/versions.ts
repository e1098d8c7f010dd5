const tags = new WeakMap<object, string>()

/** The version that something was read with, as an ETag; undefined when it came with none. */
export function etagOf(thing: unknown): string | undefined {
  return typeof thing === 'object' && thing !== null ? tags.get(thing) : undefined
}

/** Notes the version of what was read. It goes with the thing: nothing has to be carried beside it. */
export function noteEtag(thing: unknown, etag: string | null): void {
  if (etag !== null && typeof thing === 'object' && thing !== null) tags.set(thing, etag)
}
