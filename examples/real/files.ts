const script = `
const { existsSync, mkdirSync, writeFileSync } = require('node:fs')
const { dirname } = require('node:path')
const given = process.argv.slice(1)
for (let at = 0; at < given.length; at += 2) {
  if (existsSync(given[at])) continue
  mkdirSync(dirname(given[at]), { recursive: true })
  writeFileSync(given[at], given[at + 1])
}
`

/** A command that runs before a service and writes what is not in its folder yet: path below `$DATA` → text. */
export function writes(files: Readonly<Record<string, string>>): string[] {
  const words = Object.entries(files).flatMap(([path, text]) => [`$DATA/${path}`, text.replaceAll('$', () => '$$')])
  return ['node', '-e', script, ...words]
}
