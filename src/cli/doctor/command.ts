import { oldestNode, version } from '../version.ts'
import type { Check } from './check.ts'
import { bad, type Finding, good } from './finding.ts'

/** The command itself, and the Node it runs on. */
export const command: Check = { needs: 'nothing', look: () => [nodeFinding(process.versions.node, oldestNode())] }

/** What is to be said of this Node. */
export function nodeFinding(node: string, oldest: string): Finding {
  const text = `slipway ${version()} on Node ${node}`
  if (!isOlder(node, oldest)) return good('command', text)
  return bad(
    'command',
    text,
    `It is made for Node ${oldest} or later.`,
    `Install Node ${oldest} or later, as with:  npx node@24`,
  )
}

function isOlder(one: string, other: string): boolean {
  return one.localeCompare(other, 'en', { numeric: true }) < 0
}
