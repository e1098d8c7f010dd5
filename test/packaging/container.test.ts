import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { root } from '../docs/markdown.ts'
import { type Docker, noDocker, startDocker } from '../support/docker.ts'
import { packedPackage } from './npm.ts'

const run = promisify(execFile)

test('the Containerfile makes an image that serves', { skip: noDocker }, async t => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-container-'))
  const tag = `slipway-test-${process.pid}`
  const docker = await startDocker()
  t.after(async () => {
    await docker.run(['image', 'rm', '--force', tag, `${tag}-base`])
    await docker.dispose()
    rmSync(folder, { recursive: true })
  })
  const image = join(folder, 'image')
  await run(process.execPath, [join(root, 'scripts/image.ts'), image, await packedPackage()])
  const base = await importBase(docker, folder, `${tag}-base`)
  await docker.run([
    'build',
    '--file',
    join(root, 'packaging/Containerfile'),
    '--build-arg',
    `BASE=${base}`,
    '--tag',
    tag,
    image,
  ])
  const once = ['run', '--rm', '--network=none', tag]
  assert.match(await docker.run([...once, '--version']), /^slipway \d/)
  assert.deepEqual(
    readdirSync(join(image, 'node_modules')).filter(name => name === 'typescript'),
    [],
  )
})

/** A base without a registry: Node and the libraries it is linked to, as the root folder of an image. */
async function importBase(docker: Docker, folder: string, tag: string): Promise<string> {
  const at = join(folder, 'root')
  const copy = (from: string, to = from): void => {
    mkdirSync(join(at, dirname(to)), { recursive: true })
    copyFileSync(from, join(at, to))
  }
  copy(process.execPath, '/usr/bin/node')
  const { stdout: linked } = await run('ldd', [process.execPath])
  for (const [, library = ''] of linked.matchAll(/(\/\S+) \(0x/g)) copy(library)
  mkdirSync(join(at, 'tmp'), { mode: 0o1777 })
  const archive = join(folder, 'root.tar')
  await run('tar', ['-cf', archive, '-C', at, '.'])
  await docker.run(['import', '--change', 'ENV PATH=/usr/bin', archive, tag])
  return tag
}
