/** What some tests need, and not every machine has. */
export const parts = ['registry', 'small-disk', 'docker', 'systemd', 'postgres', 'zsh', 'fish'] as const
export type Part = (typeof parts)[number]

/** The parts of a list such as `registry,small-disk`. Throws for one that no test asks about: a slip of the pen would let everything pass. */
export function partsIn(list: string): ReadonlySet<Part> {
  const names = list.split(',').flatMap(name => name.trim() || [])
  const unknown = names.find(name => !parts.some(part => part === name))
  if (unknown !== undefined) throw new Error(`SLIPWAY_TEST_REQUIRE names ${unknown}; there are ${parts.join(', ')}.`)
  return new Set(parts.filter(part => names.includes(part)))
}

const required = partsIn(process.env['SLIPWAY_TEST_REQUIRE'] ?? '')

/** Whether a test that cannot have this part fails, instead of being left out. */
export function isRequired(part: Part): boolean {
  return required.has(part)
}
