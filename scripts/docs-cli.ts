// npm run docs:cli: docs/cli.md, made of the program.
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { cliPage } from './cli-page.ts'

writeFileSync(fileURLToPath(new URL('../docs/cli.md', import.meta.url)), await cliPage())
