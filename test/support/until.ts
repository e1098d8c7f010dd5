/** Resolves with what `look` sees as soon as that is something; rejects after 30 s. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  for (const end = performance.now() + 30_000; performance.now() < end; ) {
    const seen = await look()
    if (seen !== undefined && seen !== false) return seen
    await new Promise(resolve => setTimeout(resolve, 10))
  }
  throw new Error(`not within 30 s: ${what}`)
}
