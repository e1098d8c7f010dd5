import { readFileSync } from 'node:fs'
import { z } from 'zod'

/** The version of the package that this file is part of. */
export const ownVersion: string = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'))).version

/** Below 0 when `a` is older than `b`, above 0 when it is newer; as semantic versioning orders them, a version without a pre-release being newer. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [partsOf(a), partsOf(b)]
  for (const [at, number] of left.numbers.entries()) {
    const order = number - (right.numbers[at] ?? 0)
    if (order !== 0) return order
  }
  if (left.pre === right.pre) return 0
  if (left.pre === '' || right.pre === '') return left.pre === '' ? 1 : -1
  return left.pre.localeCompare(right.pre, 'en', { numeric: true })
}

function partsOf(version: string): { readonly numbers: readonly number[]; readonly pre: string } {
  const [, major = '0', minor = '0', patch = '0', pre = ''] = /^(\d+)\.(\d+)\.(\d+)(?:-([^+]*))?/.exec(version) ?? []
  return { numbers: [Number(major), Number(minor), Number(patch)], pre }
}
