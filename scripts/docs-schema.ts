// Writes docs/slipway.schema.json and the table of keys in docs/slipway-yaml.md anew from the schemas that project files are checked with.
import { readFile, writeFile } from 'node:fs/promises'
import { projectJsonSchema } from '../src/cli/project/json-schema.ts'
import { withKeys } from './project-keys.ts'

const schema = projectJsonSchema()
const page = new URL('../docs/slipway-yaml.md', import.meta.url)
await writeFile(new URL('../docs/slipway.schema.json', import.meta.url), `${JSON.stringify(schema, null, 2)}\n`)
await writeFile(page, withKeys(await readFile(page, 'utf8'), schema))
