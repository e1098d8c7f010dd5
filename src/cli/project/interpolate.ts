/** What became of a text: itself with everything filled in, or why that can't be. */
export type Interpolated = { readonly text: string } | { readonly fault: string }

const reference = /(?<dollars>\$+)\{(?<inside>[^}]*)(?<end>\}?)/g
const form = /^(?<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?<fallback>.*))?$/s

/** Names that mean something only where the service runs: they are filled in there. */
const ofThePlace = /^(?:PORT|DATA|(?:PORT|URL)_[A-Za-z0-9_]*)$/

/**
 * Fills `${NAME}` and `${NAME:-otherwise}` in from the environment. `$NAME` without braces, and what Slipway itself fills in where the
 * service runs (`${PORT}`, `${URL_API}`, `${DATA}`), stay; `$${` is `${`.
 *
 * @example
 * interpolate('shop:${TAG:-latest}', {}) // { text: 'shop:latest' }
 */
export function interpolate(text: string, env: Readonly<Record<string, string | undefined>>): Interpolated {
  let fault: string | undefined
  const filled = text.replace(reference, (whole: string, ...rest: unknown[]) => {
    const { dollars = '', inside = '', end } = rest.at(-1) as Record<string, string | undefined>
    if (dollars.length > 1) return whole.slice(1)
    const { name, fallback } = form.exec(inside)?.groups ?? {}
    if (name === undefined || end !== '}') {
      fault ??= `has \${ without a name and a } after it: write $\${ when it is meant as it stands`
      return whole
    }
    if (fallback === undefined && ofThePlace.test(name)) return whole
    const value = env[name]
    // As in a shell, `:-` is also for what is set to nothing.
    if (fallback !== undefined) return value === undefined || value === '' ? fallback : value
    if (value === undefined) {
      fault ??= `needs $${name}, which is not set: set it, or write \${${name}:-a default}`
      return whole
    }
    return value
  })
  return fault === undefined ? { text: filled } : { fault }
}

/** A text that comes out of {@link interpolate} as it is. */
export function escaped(text: string): string {
  return text.replaceAll(/\$+\{/g, found => `$${found}`)
}
