import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { ProjectError } from '../../../src/cli/project/fault.ts'
import { parseProject } from '../../../src/cli/project/parse.ts'
import { projectText } from '../../../src/cli/project/write.ts'
import { anyProject, garbage } from './any.ts'

/** What is told of a file that is refused, fault by fault. */
function refused(text: string, env: Record<string, string> = {}): string[] {
  try {
    parseProject(text, { env })
  } catch (error) {
    assert.ok(error instanceof ProjectError, String(error))
    return (error.fields ?? []).map(({ pointer, detail }) => `${pointer}: ${detail}`)
  }
  throw new Error('It was taken.')
}

const firstLines = (told: readonly string[]) => told.map(text => text.split('\n')[0])

describe('a project file', () => {
  test('that was written from a project is read as the same project', () => {
    fc.assert(
      fc.property(anyProject(), project => {
        assert.deepEqual(parseProject(projectText(project)), project)
      }),
      { numRuns: 150 },
    )
  })

  test('of any text whatever is read, or refused with places that are in it', () => {
    fc.assert(
      fc.property(garbage(), text => {
        try {
          parseProject(text)
        } catch (error) {
          assert.ok(error instanceof ProjectError, String(error))
          assert.ok(error.faults.length > 0)
          const lines = text.split(/\r?\n/)
          for (const { line, column } of error.faults) {
            assert.ok(line >= 1 && line <= lines.length, `line ${line} of ${lines.length}`)
            assert.ok(column >= 1 && column <= (lines[line - 1]?.length ?? 0) + 1, `column ${column}`)
          }
        }
      }),
      { numRuns: 500 },
    )
  })

  test('tells every fault at once, with line, column, keys, and the nearest key there is', () => {
    assert.deepEqual(
      refused(`name: Shop
hosst: [shop.example.com]
services:
  - name: web
    image: file:./web
    replica: 2
    health_check: { type: htp, path: /up }
    depends_on: api
  - image: file:./api
    environment: { A: b }
    before: { command: [migrate], rerum: true }
`),
      [
        'slipway.yaml:1:7: name must be lower-case letters, digits and dashes, start with a letter, at most 40 characters\n    1 | name: Shop\n      |       ^',
        'slipway.yaml:2:1: unknown key `hosst`, did you mean `hosts`?\n    2 | hosst: [shop.example.com]\n      | ^',
        'slipway.yaml:6:5: services[0] unknown key `replica`, did you mean `replicas`?\n    6 |     replica: 2\n      |     ^',
        'slipway.yaml:7:27: services[0].health_check.type must be one of http, tcp, command\n    7 |     health_check: { type: htp, path: /up }\n      |                           ^',
        'slipway.yaml:8:17: services[0].depends_on must be a list, not a text\n    8 |     depends_on: api\n      |                 ^',
        'slipway.yaml:9:5: services[1].name is missing\n    9 |   - image: file:./api\n      |     ^',
        'slipway.yaml:10:5: services[1] unknown key `environment`, did you mean `env`?\n    10 |     environment: { A: b }\n       |     ^',
        'slipway.yaml:11:35: services[1].before unknown key `rerum`, did you mean `rerun`?\n    11 |     before: { command: [migrate], rerum: true }\n       |                                   ^',
      ],
    )
  })

  test('is told that its services do not fit together', () => {
    assert.deepEqual(
      firstLines(
        refused(`name: shop
services:
  - { name: web, image: file:./web, expose: true, depends_on: [appi] }
  - { name: api, image: file:./api, expose: true, ports: [{ name: http }] }
  - { name: api, image: '' }
`),
      ),
      [
        'slipway.yaml:3:64: services[0].depends_on[0] names "appi", which is no service: did you mean "api"?',
        'slipway.yaml:4:45: services[1].expose is for one service only, and "web" has it',
        'slipway.yaml:5:13: services[2].name names "api" a second time',
        'slipway.yaml:5:25: services[2].image is empty',
      ],
    )
  })

  test('has the options of its strategy checked where they stand', () => {
    const canary = (options: string) =>
      firstLines(
        refused(
          `name: shop\nstrategy: canary\noptions: ${options}\nservices:\n  - { name: web, image: 'file:./web' }\n`,
        ),
      )
    assert.deepEqual(canary('{ hold_seconds: 3, steps: [5, { weigth: 25 }] }'), [
      'slipway.yaml:3:12: options unknown key `hold_seconds`, did you mean `holdSeconds`?',
      'slipway.yaml:3:40: options.steps[1].weight is missing',
      'slipway.yaml:3:42: options.steps[1] unknown key `weigth`, did you mean `weight`?',
    ])
    assert.match(
      canary('{ steps: [50, 25] }')[0] ?? '',
      /^slipway\.yaml:3:1: options do not fit together: .*25 % comes after one of 50 %/,
    )
    assert.match(
      firstLines(refused('name: shop\noptions: {}\nservices:\n  - { name: web, image: "file:./web" }\n'))[0] ?? '',
      /^slipway\.yaml:2:1: options are of a strategy: say which/,
    )
  })

  test('has numbers and booleans as texts where texts are wanted, and `no` is one', () => {
    const { services } = parseProject(
      'name: shop\nservices:\n  - { name: web, image: x, args: [--port, 080], env: { A: 1.50, B: true, C: no, D: 0x1F }, replicas: 2 }\n',
    )
    assert.deepEqual(services[0]?.args, ['--port', '080'])
    assert.deepEqual(services[0]?.env, { A: '1.50', B: 'true', C: 'no', D: '0x1F' })
    assert.deepEqual(firstLines(refused('name: shop\nservices:\n  - { name: web, image: x, env: { A: } }\n')), [
      'slipway.yaml:3:38: services[0].env.A has no value: give it one, or leave the key out',
    ])
  })

  test('takes ${NAME} from the environment in images and values of env, and nowhere else', () => {
    const text = `name: shop
services:
  - name: web
    image: shop/web:\${TAG}
    args: ['\${TAG}']
    env:
      LEVEL: \${LEVEL:-info}
      API: \${URL_API}/v1
      PORT: $PORT
      LITERAL: $\${TAG}
`
    assert.deepEqual(parseProject(text, { env: { TAG: '1.2' } }).services[0], {
      name: 'web',
      image: 'shop/web:1.2',
      args: ['${TAG}'],
      env: { LEVEL: 'info', API: '${URL_API}/v1', PORT: '$PORT', LITERAL: '${TAG}' },
    })
    assert.deepEqual(firstLines(refused(text, { LEVEL: '' })), [
      'slipway.yaml:4:12: services[0].image needs $TAG, which is not set: set it, or write ${TAG:-a default}',
    ])
  })

  test('that is no YAML is refused where it stops to be', () => {
    assert.match(refused('name: [shop\n')[0] ?? '', /^slipway\.yaml:2:1: is not YAML that can be read: /)
    assert.match(refused('name: a\nname: b\n')[0] ?? '', /^slipway\.yaml:2:1: .*map keys must be unique/i)
    assert.match(refused('')[0] ?? '', /^slipway\.yaml:1:1: says nothing/)
    assert.match(refused('['.repeat(100_000))[0] ?? '', /^slipway\.yaml:1:\d+: is (?:not YAML|nested)/)
    assert.match(refused('name: !!js/function x\n')[0] ?? '', /^slipway\.yaml:1:7: is not YAML that can be read: /)
  })

  test('may repeat itself by aliases, but not without end', () => {
    const { services } = parseProject(
      'name: shop\nservices:\n  - { name: a, image: x, env: &env { A: b } }\n  - { name: b, image: x, env: *env }\n',
    )
    assert.deepEqual(services[1]?.env, { A: 'b' })
    assert.match(refused('name: &a [*a]\n')[0] ?? '', /contains itself, by the alias "a"/)
    const bomb = Array.from({ length: 9 }, (_, n) =>
      n === 0
        ? 'a0: &a0 [x, x, x, x, x, x, x, x, x]'
        : `a${n}: &a${n} [${Array(9)
            .fill(`*a${n - 1}`)
            .join(', ')}]`,
    )
    const before = performance.now()
    assert.match(refused(bomb.join('\n'))[0] ?? '', /has more than 100 aliases/)
    assert.ok(performance.now() - before < 10_000)
  })

  test('of a stranger moves no cursor of who reads what is wrong with it', () => {
    const told = refused('name: shop\n"\u001b[2J": 1\nservices: [{ name: web, image: x }]\n')
    assert.equal(told.join('').includes('\u001b'), false)
  })
})
