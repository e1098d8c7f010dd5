// A control plane to be killed while it prepares a revision.
import { processProvider } from '../../../src/provider/process/provider.ts'
import type { RevisionSpec } from '../../../src/provider/provider.ts'

const [dataDir = '', spec = '{}'] = process.argv.slice(2)
const provider = await processProvider({ dataDir, npmEnv: process.env })
await provider.prepare(JSON.parse(spec) as RevisionSpec, () => undefined, new AbortController().signal)
process.stdout.write('prepared\n')
