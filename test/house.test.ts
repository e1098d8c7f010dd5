import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, relative, sep } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const src = fileURLToPath(new URL('../src', import.meta.url))

interface Import {
  readonly from: string
  /** A file of ours, relative to src, or the name of a package. */
  readonly to: string
  /** Whether nothing of it is left when the program runs. */
  readonly typeOnly: boolean
}

/** Where a file stands. Imports go from a later floor to the same or an earlier one, never back up. */
const floors = ['ground', 'logic', 'engine', 'slipway', 'server', 'cli'] as const
type Floor = (typeof floors)[number] | 'adapter'

function floorOf(file: string): Floor {
  const [folder = '', second = ''] = file.split('/')
  switch (folder) {
    case 'deploy':
    case 'instance':
    case 'event':
    case 'audit':
    case 'task':
    case 'auth':
    case 'tenant':
    case 'secrets':
    case 'health':
    case 'idempotency':
    case 'fault':
      return 'logic'
    case 'provider':
    case 'router':
    case 'observe':
      return file.split('/').length > 2 ? 'adapter' : 'logic'
    case 'store':
      return 'adapter'
    case 'engine':
      return 'engine'
    case 'slipway.ts':
    case 'index.ts':
      return 'slipway'
    case 'server':
    case 'client':
      return 'server'
    case 'demo':
    case 'cli':
      return 'cli'
    case 'abort.ts':
    case 'clock.ts':
    case 'errors.ts':
    case 'id.ts':
    case 'nearest.ts':
    case 'room.ts':
    case 'wire.ts':
      return 'ground'
    default:
      throw new Error(`Where does src/${folder}${second ? `/${second}` : ''} belong? Say it here and in the design.`)
  }
}

const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter(file => /\.[mc]?[jt]s$/.test(file))
  .map(file => file.replaceAll(sep, '/'))
const texts = new Map(files.map(file => [file, readFileSync(join(src, file), 'utf8')]))
const imports = files.flatMap(importsOf)

describe('the house: imports run one way', () => {
  test('the files are found, and so are their imports', () => {
    assert.ok(files.length > 150, `${files.length} files`)
    assert.ok(imports.length > files.length, `${imports.length} imports`)
    assert.ok(imports.some(({ from, to }) => from === 'slipway.ts' && to === 'store/sqlite.ts'))
  })

  test('ports and logic ← engine ← slipway.ts ← server ← cli', () => {
    const wrong = imports.filter(({ from, to }) => {
      const [user, used] = [floorOf(from), isOurs(to) ? floorOf(to) : 'ground']
      if (user === 'adapter') return used !== 'adapter' && used !== 'logic' && used !== 'ground'
      if (used === 'adapter') return user !== 'slipway' && user !== 'server' && user !== 'cli'
      return floors.indexOf(used) > floors.indexOf(user)
    })
    assert.deepEqual(wrong, [])
  })

  test('an adapter knows no other adapter of its kind', () => {
    const adapterOf = (file: string) =>
      floorOf(file) === 'adapter' ? file.split('/').slice(0, 2).join('/') : undefined
    const wrong = imports.filter(({ from, to }) => {
      const [mine, other] = [adapterOf(from), isOurs(to) ? adapterOf(to) : undefined]
      if (mine === undefined || other === undefined || mine === other) return false
      // It goes from one to the other: that is what it is for.
      if (mine === 'store/move') return false
      if (mine.startsWith('store/') && other.startsWith('store/'))
        return other === 'store/sqlite.ts' || other === 'store/postgres.ts'
      return !besides.has(`${mine} ← ${other}`)
    })
    assert.deepEqual(wrong, [])
  })

  test('the ground stands on nothing of ours', () => {
    assert.deepEqual(
      imports.filter(({ from, to }) => floorOf(from) === 'ground' && isOurs(to) && floorOf(to) !== 'ground'),
      [],
    )
  })

  test('deploy/strategies are pure: types, each other, the shapes of deploy, and zod', () => {
    const wrong = imports.filter(
      ({ from, to, typeOnly }) =>
        from.startsWith('deploy/strategies/') &&
        !typeOnly &&
        !to.startsWith('deploy/strategies/') &&
        !pureForStrategies.has(to),
    )
    assert.deepEqual(wrong, [])
    for (const file of pureForStrategies) {
      if (!isOurs(file)) continue
      const runs = imports.filter(({ from, to, typeOnly }) => from === file && !typeOnly && !pureForStrategies.has(to))
      assert.deepEqual(
        runs.filter(({ to }) => !to.startsWith('deploy/strategies/')),
        [],
        `${file} is pure itself`,
      )
    }
    for (const file of files.filter(name => name.startsWith('deploy/strategies/'))) {
      const text = texts.get(file) ?? ''
      assert.doesNotMatch(
        text,
        /\b(?:Date|performance|process|globalThis|setTimeout|setInterval|fetch|crypto)\b\s*[.(]|Math\.random/,
        file,
      )
    }
  })

  test('no SQL outside src/store, but for locks', () => {
    const sql = new Set(['kysely', 'kysely/migration', 'node:sqlite', 'pg'])
    assert.deepEqual(
      imports.filter(({ from, to }) => sql.has(to) && !from.startsWith('store/') && !lockFiles.has(from)),
      [],
    )
    assert.deepEqual(
      imports.filter(({ from, to }) => lockFiles.has(from) && sql.has(to) && to !== 'node:sqlite'),
      [],
    )
    const statement =
      /['"`]\s*(?:select\s.+\sfrom|insert\s+into|update\s+\w+\s+set|delete\s+from|create\s+table|pragma)\s/i
    const wrong = files.filter(
      file => !file.startsWith('store/') && !lockFiles.has(file) && statement.test(texts.get(file) ?? ''),
    )
    assert.deepEqual(wrong, [])
  })

  test('only files of src, node: modules and declared dependencies are imported', () => {
    const declared = JSON.parse(readFileSync(join(src, '../package.json'), 'utf8')) as { dependencies: object }
    const known = new Set([
      ...Object.keys(declared.dependencies),
      ...builtinModules.map(name => `node:${name}`),
      'node:sqlite',
    ])
    const wrong = imports.filter(({ to }) => !files.includes(to) && !known.has(to) && !known.has(packageOf(to)))
    assert.deepEqual(wrong, [])
  })
})

/** Adapters that are shipped together: the fake router is part of `slipway/fake`, and the process provider's ports lie in the store. */
const besides = new Set([
  'provider/fake ← router/fake',
  'router/fake ← provider/fake',
  'store/ports.ts ← provider/process',
])

/** What strategies may use while they run. */
const pureForStrategies = new Set([
  'zod',
  'errors.ts',
  'nearest.ts',
  'deploy/revision.ts',
  'deploy/step.ts',
  'deploy/strategy.ts',
  'deploy/table.ts',
  'node:crypto', // of revision.ts: a hash is a function of its input
])

/** They hold a file by the lock that SQLite takes on it, and write nothing into it. */
const lockFiles = new Set(['provider/process/lock.ts', 'router/proxy/lock.ts'])

function isOurs(to: string): boolean {
  return to.endsWith('.ts')
}

function packageOf(to: string): string {
  return to.split('/', to.startsWith('@') ? 2 : 1).join('/')
}

/** Every static import, re-export and import() of a file. */
function importsOf(file: string): Import[] {
  const text = texts.get(file) ?? ''
  const found = [
    ...text.matchAll(/^(?:import|export)\s+(?<type>type\s)?(?<names>[^'";]*?)\bfrom\s+'(?<to>[^']+)'/gms),
    ...text.matchAll(/^import\s+'(?<to>[^']+)'/gm),
    ...text.matchAll(/\bimport\(\s*['"`](?<to>[^'"`]+)['"`]\s*\)/g),
  ]
  return found.map(({ groups = {} }) => {
    const to = groups['to'] ?? ''
    const ours = to.startsWith('.')
    return {
      from: file,
      to: ours ? relative(src, join(src, dirname(file), to)).replaceAll(sep, '/') : to,
      typeOnly: groups['type'] !== undefined || allTypes(groups['names'] ?? ''),
    }
  })
}

/** Whether each name of `{ type A, type B }` is a type. */
function allTypes(names: string): boolean {
  const inside = /\{(?<inside>[^}]*)\}/s.exec(names)?.groups?.['inside']
  const each =
    inside
      ?.split(',')
      .map(name => name.trim())
      .filter(name => name !== '') ?? []
  return each.length > 0 && each.every(name => name.startsWith('type '))
}
