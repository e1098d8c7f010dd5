import { readFileSync } from 'node:fs'

/** The version of this package. */
export function version(): string {
  return manifest().version
}

/** The oldest Node that it runs on. */
export function oldestNode(): string {
  return manifest().engines.node.replace(/^>=\s*/, '')
}

function manifest() {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return JSON.parse(text) as { version: string; engines: { node: string } }
}
