import { statSync } from 'node:fs'
import { contextsFile } from '../contexts.ts'
import type { Check } from './check.ts'
import { bad, good } from './finding.ts'

/** The file that tokens are in. */
export const contexts: Check = {
  needs: 'nothing',
  look({ cli }) {
    const file = contextsFile(cli.world)
    const mode = statSync(file, { throwIfNoEntry: false })?.mode
    if (mode === undefined) return [good('contexts', `${file} is not there yet`)]
    if ((mode & 0o077) === 0) return [good('contexts', file)]
    return [
      bad(
        'contexts',
        `others can read ${file}`,
        'Your tokens are in it: who reads it can do what you may.',
        `chmod 600 ${file}`,
      ),
    ]
  },
}
