/** A claim of a token, as text; undefined where it is none that could be compared. */
export function textOf(claim: unknown): string | undefined {
  return typeof claim === 'string' || typeof claim === 'number' || typeof claim === 'boolean'
    ? String(claim)
    : undefined
}

/** The claims that a template names: `{repository}` names `repository`. */
export function claimsIn(template: string): string[] {
  return [...template.matchAll(slot)].map(([, name = '']) => name)
}

/** The template with what the claims say; undefined when one of them is not there. */
export function filledIn(template: string, claims: Readonly<Record<string, unknown>>): string | undefined {
  if (claimsIn(template).some(name => textOf(claims[name]) === undefined)) return undefined
  return template.replaceAll(slot, (_, name: string) => textOf(claims[name]) ?? '')
}

const slot = /\{([^{}]+)\}/g
