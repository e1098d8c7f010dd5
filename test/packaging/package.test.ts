import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { root } from '../docs/markdown.ts'
import { isRequired } from '../support/part.ts'
import { npm, packedPackage } from './npm.ts'

const run = promisify(execFile)

describe('the package, installed into an empty project', () => {
  let project: string
  let away: string | undefined

  before(async () => {
    project = mkdtempSync(join(tmpdir(), 'slipway-package-'))
    writeFileSync(join(project, 'package.json'), '{ "name": "stranger", "private": true, "type": "module" }')
    const tarball = await packedPackage()
    try {
      await npm(['install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error', tarball], project)
    } catch (error) {
      const { stderr = '' } = error as { stderr?: string }
      if (isRequired('registry') || !/ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|ENETUNREACH/.test(stderr)) throw error
      away = "npm's registry can't be reached"
    }
  })
  after(() => rmSync(project, { recursive: true, force: true }))

  test('has every export, as JavaScript', async t => {
    if (away !== undefined) return t.skip(away)
    const script = `
      const found = {}
      for (const name of ['slipway', 'slipway/server', 'slipway/client', 'slipway/fake']) found[name] = Object.keys(await import(name))
      console.log(JSON.stringify(found))`
    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script], { cwd: project })
    const found = JSON.parse(stdout) as Record<string, string[]>
    assert.ok(found['slipway']?.includes('createSlipway'))
    assert.ok(found['slipway/server']?.includes('createServer'))
    assert.ok(found['slipway/client']?.includes('createClient'))
    assert.ok(found['slipway/fake']?.length)
  })

  test('has types that a strict project compiles with', async t => {
    if (away !== undefined) return t.skip(away)
    writeFileSync(
      join(project, 'mine.ts'),
      `import { createSlipway, type Slipway } from 'slipway'
import { createServer } from 'slipway/server'
import { createClient, type Deployment } from 'slipway/client'
export const slipway: Promise<Slipway> = createSlipway({ dataDir: './data' })
export const serve = (of: Slipway) => createServer(of)
export const client = createClient({ url: 'http://127.0.0.1:1' })
export const stateOf = (deployment: Deployment): 'pending' | 'running' | 'succeeded' | 'failed' | 'rolled_back' | 'cancelled' => deployment.state
// @ts-expect-error: an address is text
createClient({ url: 1 })
`,
    )
    symlinkSync(join(root, 'node_modules/@types'), join(project, 'node_modules/@types'))
    const tsc = join(root, 'node_modules/.bin/tsc')
    const flags = [
      '--noEmit',
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2024',
      '--skipLibCheck',
      '--types',
      'node',
    ]
    const { stdout } = await run(tsc, [...flags, 'mine.ts'], { cwd: project }).catch(
      (error: unknown) => error as { stdout: string },
    )
    assert.equal(stdout, '')
  })

  test('has the command', async t => {
    if (away !== undefined) return t.skip(away)
    const bin = join(project, 'node_modules/.bin/slipway')
    const { stdout } = await run(process.execPath, [bin, '--version'], { cwd: project })
    assert.match(stdout, /^slipway \d+\.\d+\.\d+\n$/)
    const { stdout: help } = await run(process.execPath, [bin, '--help'], { cwd: project })
    assert.match(help, /^Usage: slipway/)
  })

  test('carries neither TypeScript nor tests', t => {
    if (away !== undefined) return t.skip(away)
    const files = readdirSync(join(project, 'node_modules/slipway'), { recursive: true, encoding: 'utf8' })
    const wrong = files.filter(name => /\.[mc]?ts$/.test(name) && !name.endsWith('.d.ts'))
    assert.deepEqual(wrong, [])
    assert.deepEqual(
      files.filter(name => /(?:^|\/)(?:test|bench|src)(?:\/|$)/.test(name) && !name.startsWith('dist')),
      [],
    )
  })
})

test('the command of a package says so when this Node is too old', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-old-'))
  try {
    mkdirSync(join(folder, 'bin'))
    copyFileSync(join(root, 'bin/slipway.js'), join(folder, 'bin/slipway.js'))
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
    const old = `data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'20.1.0'}})`
    const failed = await run(process.execPath, ['--import', old, join(folder, 'bin/slipway.js')]).catch(
      (error: unknown) => error,
    )
    const { code, stderr } = failed as { code: number; stderr: string }
    assert.equal(code, 1)
    assert.match(stderr, /^slipway: Node 20\.1\.0 is too old, it takes 24\.15 or later\n/)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
