import * as fc from 'fast-check'
import type { Project } from '../../../src/cli/project/project.ts'

const name = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/)
/** Texts that YAML, interpolation or a terminal could take for something else. */
const text = fc
  .oneof(
    fc.string({ maxLength: 30, unit: 'grapheme' }),
    fc.constantFrom(
      'no',
      'yes',
      'null',
      '~',
      '1',
      '1.0',
      '0x1F',
      'true',
      '',
      ' ',
      '${A}',
      '$${A}',
      '$$${',
      '${',
      '$URL_API',
    ),
    fc.constantFrom(
      'a: b',
      '- a',
      '# a',
      '&a',
      '*a',
      '!a',
      '|',
      '>',
      "it's",
      '"',
      'a\nb\n',
      '\t',
      '@',
      '`',
      '%',
      '{',
      '[',
    ),
  )
  .filter(value => !value.includes('\0'))
const count = fc.integer({ min: 1, max: 1000 })
const words = fc.array(text, { minLength: 1, maxLength: 4 })
const envName = fc.stringMatching(/^[A-Z_][A-Z0-9_]{0,8}$/)
const map = (value: fc.Arbitrary<string>) => fc.dictionary(envName, value, { maxKeys: 4, noNullPrototype: true })

const timing = { interval_ms: count, timeout_ms: count, healthy_after: count, min_healthy_ms: count }
const healthCheck = fc.oneof(
  fc.record({ type: fc.constant('http' as const), path: text, ...timing }, { requiredKeys: ['type'] }),
  fc.record({ type: fc.constant('tcp' as const), port: name, ...timing }, { requiredKeys: ['type'] }),
  fc.record(
    { type: fc.constant('command' as const), command: words, ...timing },
    { requiredKeys: ['type', 'command'] },
  ),
)

const service = fc.record(
  {
    name,
    image: text.filter(value => value.trim() !== ''),
    command: words,
    args: words,
    env: map(text),
    secrets: map(name),
    ports: fc.array(fc.record({ name, number: count }, { requiredKeys: ['name'] }), { maxLength: 2 }),
    exclusive: fc.boolean(),
    before: fc.oneof(words, fc.record({ command: words, rerun: fc.boolean() }, { requiredKeys: ['command'] })),
    health_check: healthCheck,
    grace_ms: count,
    volumes: fc.array(fc.record({ name, path: text, shared: fc.boolean() }, { requiredKeys: ['name', 'path'] }), {
      maxLength: 2,
    }),
    resources: fc.record(
      { cpu: fc.constantFrom(0.25, 1, 4), memory_bytes: fc.integer({ min: 1024 * 1024 }), pids: count },
      { requiredKeys: [] },
    ),
    user: text,
    replicas: count,
  },
  { requiredKeys: ['name', 'image'] },
)

const strategy = fc.oneof(
  fc.constant({}),
  fc.record({ strategy: fc.constantFrom('rolling', 'mine') }),
  fc.record({
    strategy: fc.constant('canary'),
    options: fc.record({ steps: fc.constantFrom([5, 50], [{ weight: 10, pause: true }, 60]), holdSeconds: count }),
  }),
)

/** Any project that is as it should be: what can be asked of the API, and how it is deployed. */
export function anyProject(): fc.Arbitrary<Project> {
  return fc
    .tuple(
      fc.record(
        {
          name,
          tenant: name,
          hosts: fc.array(fc.constantFrom('shop.example.com', 'b.example.com'), { maxLength: 2 }),
          policies: fc.record(
            { if_busy: fc.constantFrom('queue', 'reject', 'supersede'), drain_ms: count, progress_deadline_ms: count },
            { requiredKeys: [] },
          ),
          provider: name,
          services: fc
            .uniqueArray(service, { minLength: 1, maxLength: 4, selector: ({ name }) => name })
            .chain(services =>
              fc.nat({ max: services.length }).map(exposed =>
                services.map((one, n) => ({
                  ...one,
                  ...(n === exposed ? { expose: true } : {}),
                  ...(n > 0 ? { depends_on: [services[0]?.name ?? ''] } : {}),
                })),
              ),
            ),
        },
        { requiredKeys: ['name', 'services'] },
      ),
      strategy,
    )
    .map(([project, more]) => JSON.parse(JSON.stringify({ ...project, ...more })) as Project)
}

const line = fc.oneof(
  fc.constantFrom(
    'name: shop',
    'services:',
    '  - name: web',
    '    image: x',
    '    env:',
    '      A: ${B}',
    '  -',
    '---',
    '...',
  ),
  fc.constantFrom(
    'options: {a: 1}',
    'strategy: canary',
    '&a',
    '*a',
    '<<: *a',
    '? a',
    ': b',
    '%YAML 1.1',
    '!x y',
    '{',
    ']',
  ),
  fc.constantFrom('__proto__: 1', 'services: {a: {}}', '    before: {command: 1}', 'policies: []', 'tenant: null'),
  fc.string({ maxLength: 20 }),
  fc.string({ maxLength: 20, unit: 'binary' }),
)

/** Text that is nearly a project file, or nothing of the kind. */
export function garbage(): fc.Arbitrary<string> {
  return fc.oneof(
    fc.array(line, { maxLength: 12 }).map(lines => lines.join('\n')),
    fc.jsonValue().map(value => JSON.stringify(value)),
    fc.string({ unit: 'binary', maxLength: 60 }),
  )
}
